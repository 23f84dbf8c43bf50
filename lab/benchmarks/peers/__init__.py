"""Compares this worker with its peers: small programs on other frameworks, each in its own environment."""
