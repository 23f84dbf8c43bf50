"""The producer: sends each job of a source once, and can wait for the predictions."""
