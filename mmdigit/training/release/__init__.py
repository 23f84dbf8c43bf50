"""From a checkpoint to a released model: export, quantisation, thresholds, model card."""
