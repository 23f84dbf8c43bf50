"""A small sample pack of drawn digits and synthetic speech, and the demo that uses it."""
