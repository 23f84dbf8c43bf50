"""The shipped model, its SHA-256, thresholds and model card."""
