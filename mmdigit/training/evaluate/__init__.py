"""Measures a model on test splits, and what they show."""
