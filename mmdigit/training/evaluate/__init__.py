"""Measures models on the test splits."""
