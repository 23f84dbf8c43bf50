"""Turns checkpoints into a released model: export, quantization, calibration, model card."""
