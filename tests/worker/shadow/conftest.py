"""The adapters that a shadow runs on."""

from tests.adapters import queue, store

__all__ = ["queue", "store"]  # pytest finds fixtures by these names
