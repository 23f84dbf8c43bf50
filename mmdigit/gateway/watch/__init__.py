"""What somebody sees who watches: the pace of answers, how far groups are, and whether something is stuck."""
