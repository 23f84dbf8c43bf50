"""What operators see: traces, logs, the HTTP server of health and metrics."""
