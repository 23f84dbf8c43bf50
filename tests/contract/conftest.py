"""The adapters that the contract suites run on."""

from tests.adapters import database, queue, read, store

__all__ = ["database", "queue", "read", "store"]  # pytest finds fixtures by these names
