"""Reviewing over HTTP: which fields are open, who has which, and what people say of them."""
