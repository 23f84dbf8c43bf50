"""Publisher, Consumer and PredictionStore on one SQLite file."""
