"""Audio bytes to the model's input: one second of mono speech at 8 kHz."""
