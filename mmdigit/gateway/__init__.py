"""The HTTP API: takes jobs, publishes them, and answers with their outcomes; it holds no model."""
