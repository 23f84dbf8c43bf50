"""Publisher, Consumer and PredictionStore in one SQLite file."""
