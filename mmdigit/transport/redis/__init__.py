"""PredictionStore on Redis: a single server, a primary behind sentinels, or a cluster."""
