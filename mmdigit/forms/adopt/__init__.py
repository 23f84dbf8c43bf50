"""Forms that somebody else printed: their boxes are found on the blank, and scans are registered to it."""
