"""The adapters that the contract suites run on."""

from tests.adapters import queue, read, store

__all__ = ["queue", "read", "store"]  # pytest finds fixtures by these names
