"""Turns audio bytes into the model's input: one second of mono speech at 8 kHz."""
