"""Turns image bytes into the model's input: one digit, bright ink on black, 28x28."""
