"""Record headers: a few small notes beside a record's bytes, their limits, and their form in a SQLite file."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgpack  # type: ignore[import-untyped]

from schemas.errors import InvalidRecord

MAX_HEADERS = 16
MAX_HEADERS_BYTES = 4096
"""Of all names (in UTF-8) and values of one record."""


def kept(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """The first of a record's headers, as far as the limits go: whoever wrote the record chose them.

    Of equal names the last one counts, as with Kafka's own lastHeader; a value that is missing is an empty one.
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
    """The bytes that the headers take. Raises InvalidRecord if a reader would not keep them all."""
    size = sum(len(name.encode()) + len(value) for name, value in headers.items())
    if len(headers) > MAX_HEADERS or size > MAX_HEADERS_BYTES:
        raise InvalidRecord(
            f"expected at most {MAX_HEADERS} headers of {MAX_HEADERS_BYTES} bytes together, got {len(headers)} of "
            f"{size}; send fewer or shorter ones"
        )
    return size


def packed(headers: Mapping[str, bytes]) -> bytes | None:
    """The headers as a msgpack map; None for none."""
    return msgpack.packb(dict(headers)) if headers else None


def unpacked(value: bytes | None) -> dict[str, bytes]:
    """What packed() was given; none if another program wrote something else."""
    with suppress(ValueError, msgpack.UnpackException, RecursionError):
        headers = {} if value is None else msgpack.unpackb(value)
        if isinstance(headers, dict) and all(
            isinstance(name, str) and isinstance(content, bytes) for name, content in headers.items()
        ):
            return headers
    return {}
