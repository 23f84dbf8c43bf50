"""What somebody sees who watches."""
