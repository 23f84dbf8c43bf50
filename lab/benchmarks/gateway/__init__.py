"""What the HTTP API costs: from a request to its answer, in CPU, and in memory."""
