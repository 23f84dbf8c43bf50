"""Batches of records, read within limits: kafka-python unpacks whatever they hold, and builds all headers.

A fetch is bounded by what it holds compressed, and 1 MiB of zstd may hold 30 GiB. The broker bounds it too where the
topic says compression.type=uncompressed (docs/design/limits.md); here it is bounded whatever the topic says.
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
"""Of one batch, unpacked: five of the largest jobs. A batch holds this twice while it is read."""

_MAX_WINDOW_BYTES = 32 * 1024 * 1024  # of zstd's look-back, which it allocates by the frame's word alone


class BatchTooLargeError(KafkaError):  # type: ignore[misc]  # kafka-python has no types
    """A compressed batch that unpacks to more than MAX_BATCH_BYTES, or cannot be unpacked."""


def bound_batches() -> None:
    """Make kafka-python read batches with the functions of this file. Harmless to repeat."""
    for module in (kafka.record.default_records, kafka.record.legacy_records):
        module.gzip_decode, module.lz4_decode = gzip_decode, lz4_decode
    kafka.record.default_records.zstd_decode = zstd_decode
    DefaultRecordBatch._read_msg = read_record


def read_record(batch: Any) -> Any:
    """The next record of a batch, with the first MAX_HEADERS of its headers: 6 MiB hold three million of them, and one
    whose name is not UTF-8, which is read with U+FFFD in it, would hold up its partition for good.

    Raises CorruptRecordError, or IndexError or ValueError, which kafka-python turns into that.
    Source: Kafka protocol guide, "Record Batch", message format 2.
    """
    length, start = decode_varint(batch._buffer, batch._pos)
    end = start + length
    _attributes, place = decode_varint(batch._buffer, start)
    timestamp_delta, place = decode_varint(batch._buffer, place)
    offset_delta, place = decode_varint(batch._buffer, place)
    key, place = _nullable_bytes(batch._buffer, place)
    value, place = _nullable_bytes(batch._buffer, place)
    if not place < end <= len(batch._buffer):  # a byte at least is left, which counts the headers
        raise CorruptRecordError(f"a record of {length} bytes in its batch, its key and value end at {place - start}")
    count, place = decode_varint(batch._buffer, place)
    headers = []
    for _ in range(min(count, MAX_HEADERS)):
        name, place = _nullable_bytes(batch._buffer, place)
        header, place = _nullable_bytes(batch._buffer, place)
        headers.append(((name or b"").decode(errors="replace"), header))
    if place > end:
        raise CorruptRecordError(f"a record of {length} bytes in its batch, its headers end at {place - start}")
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


def _nullable_bytes(buffer: bytearray, place: int) -> tuple[bytes | None, int]:
    length, place = decode_varint(buffer, place)
    return (None, place) if length < 0 else (bytes(buffer[place : place + length]), place + length)


def _bounded(unpack: Callable[[], bytes]) -> bytes:
    try:
        unpacked = unpack()
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise BatchTooLargeError(f"a compressed batch that cannot be unpacked ({type(error).__name__})") from error
    if len(unpacked) > MAX_BATCH_BYTES:
        raise BatchTooLargeError(
            f"a compressed batch of more than {MAX_BATCH_BYTES} bytes; let the topic refuse such "
            "(compression.type=uncompressed), and skip this one (docs/design/limits.md)"
        )
    return unpacked
