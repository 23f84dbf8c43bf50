"""`mmdigit form send`: scanned files, split into pages, on a topic of their own."""
