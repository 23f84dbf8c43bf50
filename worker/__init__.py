"""The worker: consumes jobs in batches, predicts, stores, commits."""
