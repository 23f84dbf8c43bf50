"""What crosses a process boundary: jobs, predictions, dead letters, settings and errors."""

VERSION = "0.1.0"
"""Of the whole project: in the image, in the metrics and in CHANGELOG.md."""
