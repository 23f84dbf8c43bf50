"""Limits the size of a decompressed record batch and the number of headers, which kafka-python does not.

A fetch limits only the compressed size, and 1 MiB of zstd may expand to 30 GiB. With compression.type=uncompressed on
the topic, the broker enforces a limit too (docs/design/limits.md); this one holds for every topic.
"""

import io
import zlib
from collections.abc import Callable
from typing import Any

import kafka.record.default_records
import kafka.record.legacy_records
import lz4.frame  # type: ignore[import-untyped]
import zstandard
from kafka.errors import CorruptRecordError, KafkaError
from kafka.record.default_records import ControlRecord, DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

from mmdigit.transport.headers import MAX_HEADERS

MAX_BATCH_BYTES = 32 * 1024 * 1024
"""One decompressed batch: five of the largest jobs. Reading a batch takes twice this memory."""

_MAX_WINDOW_BYTES = 32 * 1024 * 1024  # zstd allocates whatever window size a frame declares


class BatchTooLargeError(KafkaError):  # type: ignore[misc]  # kafka-python has no types
    """A compressed batch that expands to more than MAX_BATCH_BYTES or cannot be decompressed."""


def limit_batches() -> None:
    """Make kafka-python read batches with the functions of this module. Safe to call twice."""
    for module in (kafka.record.default_records, kafka.record.legacy_records):
        module.gzip_decode, module.lz4_decode = gzip_decode, lz4_decode
    kafka.record.default_records.zstd_decode = zstd_decode
    DefaultRecordBatch._read_msg = read_record


def read_record(batch: Any) -> Any:
    """The next record of a batch, with the first MAX_HEADERS of its headers: 6 MiB hold three million of them.

    Replaces invalid UTF-8 in header names with U+FFFD; in kafka-python it would block the partition for good.
    Raises CorruptRecordError, or IndexError or ValueError, which kafka-python converts to it.
    Source: Kafka protocol guide, "Record Batch", message format 2.
    """
    length, start = decode_varint(batch._buffer, batch._pos)
    end = start + length
    _attributes, position = decode_varint(batch._buffer, start)
    timestamp_delta, position = decode_varint(batch._buffer, position)
    offset_delta, position = decode_varint(batch._buffer, position)
    key, position = _nullable_bytes(batch._buffer, position)
    value, position = _nullable_bytes(batch._buffer, position)
    if not position < end <= len(batch._buffer):  # the header count takes at least one byte
        raise CorruptRecordError(f"a record of {length} bytes whose key and value end at {position - start}")
    count, position = decode_varint(batch._buffer, position)
    headers = []
    for _ in range(min(count, MAX_HEADERS)):
        name, position = _nullable_bytes(batch._buffer, position)
        header, position = _nullable_bytes(batch._buffer, position)
        headers.append(((name or b"").decode(errors="replace"), header))
    if position > end:
        raise CorruptRecordError(f"a record of {length} bytes whose headers end at {position - start}")
    batch._pos = end
    log_append_time = batch.timestamp_type == batch.LOG_APPEND_TIME
    return (ControlRecord if batch.is_control_batch else DefaultRecord)(
        length,
        batch.base_offset + offset_delta,
        batch.max_timestamp if log_append_time else batch.first_timestamp + timestamp_delta,
        batch.timestamp_type,
        key,
        value,
        headers,
    )


def gzip_decode(payload: Any) -> bytes:
    """The content of one gzip stream. Raises BatchTooLargeError."""
    stream = zlib.decompressobj(wbits=31)  # 16 + 15: with gzip's header
    return _bounded(lambda: stream.decompress(payload, MAX_BATCH_BYTES + 1))


def lz4_decode(payload: bytes) -> bytes:
    """The content of one lz4 frame. Raises BatchTooLargeError."""
    frame = lz4.frame.LZ4FrameDecompressor()
    return _bounded(lambda: frame.decompress(payload, MAX_BATCH_BYTES + 1))


def zstd_decode(payload: bytes) -> bytes:
    """The content of one or more zstd frames. Raises BatchTooLargeError."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    with decompressor.stream_reader(io.BytesIO(payload), read_across_frames=True) as reader:
        return _bounded(lambda: reader.read(MAX_BATCH_BYTES + 1))


def _nullable_bytes(buffer: bytearray, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(buffer, position)
    return (None, position) if length < 0 else (bytes(buffer[position : position + length]), position + length)


def _bounded(decompress: Callable[[], bytes]) -> bytes:
    try:
        content = decompress()
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise BatchTooLargeError(f"a compressed batch that cannot be decompressed ({type(error).__name__})") from error
    if len(content) > MAX_BATCH_BYTES:
        raise BatchTooLargeError(
            f"a compressed batch of more than {MAX_BATCH_BYTES} bytes; make the topic reject such batches "
            "(compression.type=uncompressed), and skip this one (docs/design/limits.md)"
        )
    return content
