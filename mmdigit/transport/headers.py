"""Record headers: their limits, and their encoding in a SQLite file."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgpack  # type: ignore[import-untyped]

from schemas.errors import InvalidRecord

MAX_HEADERS = 16
MAX_HEADERS_BYTES = 4096
"""All names (in UTF-8) and values of one record."""


def bounded(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """The leading headers of a record that fit the limits. The writer of the record is not trusted.

    The last of several headers with equal names wins, as with Kafka's own lastHeader. A missing value becomes empty.
    """
    found: dict[str, bytes] = {}
    size = 0
    for number, (name, value) in enumerate(headers):
        size += len(name.encode()) + len(value or b"")
        if number == MAX_HEADERS or size > MAX_HEADERS_BYTES:
            break
        found[name] = value or b""
    return found


def require_sendable(headers: Mapping[str, bytes]) -> int:
    """The size of the headers in bytes. Raises InvalidRecord if a reader would not keep them all."""
    size = sum(len(name.encode()) + len(value) for name, value in headers.items())
    if len(headers) > MAX_HEADERS or size > MAX_HEADERS_BYTES:
        raise InvalidRecord(
            f"expected at most {MAX_HEADERS} headers and {MAX_HEADERS_BYTES} bytes, got {len(headers)} headers and "
            f"{size} bytes; send fewer or shorter headers"
        )
    return size


def encode(headers: Mapping[str, bytes]) -> bytes | None:
    """The headers as a msgpack map, or None if there are none."""
    return msgpack.packb(dict(headers)) if headers else None


def decode(value: bytes | None) -> dict[str, bytes]:
    """The inverse of encode(); empty if another program wrote something else."""
    with suppress(ValueError, msgpack.UnpackException, RecursionError):
        headers = {} if value is None else msgpack.unpackb(value)
        if isinstance(headers, dict) and all(
            isinstance(name, str) and isinstance(content, bytes) for name, content in headers.items()
        ):
            return headers
    return {}
