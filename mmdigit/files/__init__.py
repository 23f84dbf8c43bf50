"""Handling of user files: bounded reads, private modes, atomic writes, format detection."""
