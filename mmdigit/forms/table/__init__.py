"""Kept pages to forms, and forms to the rows of a CSV, JSON Lines or Parquet file."""
