"""Injects faults into the real stack at random moments; counts lost jobs, duplicates and seconds to recover."""
