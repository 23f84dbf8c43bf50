"""Image bytes to the model's input: one digit, bright ink on black, 28x28."""
