"""Fields whose digits are written into one box without separators: read as a line of digits."""
