"""Faults on the real stack, injected at random moments, and what they cost: lost jobs, duplicates, time to recover."""
