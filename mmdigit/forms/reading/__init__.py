"""`mmdigit form read`: a stack of scans to a table, in one process."""
