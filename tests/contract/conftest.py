"""The adapters that the contract suites run on."""

from tests.adapters import child_environment, queue, read, store

__all__ = ["child_environment", "queue", "read", "store"]  # pytest finds fixtures by these names
