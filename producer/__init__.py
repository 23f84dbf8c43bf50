"""Sends jobs to a topic, each of them once, and can wait for their predictions."""
