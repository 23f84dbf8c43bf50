"""Compares a backfill of files with Ray Data, in an environment of its own."""
