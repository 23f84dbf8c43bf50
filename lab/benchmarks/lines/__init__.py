"""Handwritten digits set in a row, as lines in photos and scans, and how many of them `mmdigit read-line` reads."""
