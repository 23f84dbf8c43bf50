"""The gateway: an HTTP API that produces jobs and reads their outcomes; it holds no model and no state."""
