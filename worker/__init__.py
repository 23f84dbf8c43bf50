"""The worker: consumes jobs in batches, predicts, stores and commits. The loop is worker.loop.Worker.run_once."""
