"""Training data: the data sets split and decoded, augmented, drawn and synthesized samples."""
