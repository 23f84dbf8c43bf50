"""Benchmarks, one file a question; each prints its machine, versions and figures as JSON."""
