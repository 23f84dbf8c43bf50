"""The producer: reads sources of pairs and publishes them as jobs."""
