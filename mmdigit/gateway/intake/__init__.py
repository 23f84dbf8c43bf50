"""Request bodies to jobs."""
