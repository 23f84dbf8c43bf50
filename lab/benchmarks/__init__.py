"""Benchmarks, one file a question (docs/results/benchmarks.md); each prints machine, versions, settings, figures."""
