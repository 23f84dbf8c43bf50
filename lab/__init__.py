"""Measuring equipment: benchmarks, faults, fuzzing. Never in the image; imports nothing of tests."""
