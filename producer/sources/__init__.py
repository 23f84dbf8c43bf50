"""Sources of samples: a folder, a CSV manifest, or random pairs of the data sets."""
