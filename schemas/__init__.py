"""What crosses a process boundary: jobs, predictions, dead letters, settings and errors."""
