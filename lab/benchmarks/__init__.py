"""Benchmarks, one file a question (docs/benchmarks.md); each prints its machine, versions, settings and figures."""
