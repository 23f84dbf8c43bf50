"""Paper forms: described once, printed, filled in, scanned, and read into a table. Needs the extra `forms`."""
