"""PredictionStore on Redis: one server, a group behind sentinels, or a cluster."""
