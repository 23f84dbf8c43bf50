"""Reads one stored prediction without this project: the packed form of docs/use/wire.md."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack  # type: ignore[import-untyped]


def read(value: bytes) -> dict[str, Any]:
    """The value of a Redis key mmdigit:prediction:{job_id} whose first byte is 1."""
    numbers, job_id, group, model, _worker, _topic, _partition, _offset, answered_us, *_ = msgpack.unpackb(value[1:])
    label, _expected, image, audio, fused, flags = (int(digit, 16) for digit in numbers[:3].hex())
    n = 11 + (flags >> 1) + sum(head < 14 for head in (image, audio, fused))
    rest = iter(numbers[10 + 2 * n :])
    found = []
    for first, second in zip(numbers[10 : 10 + n], numbers[10 + n : 10 + 2 * n], strict=True):
        last = (next(rest), next(rest)) if first & 0x7F >= 0x3A else (0x80, 0)
        (q,) = struct.unpack(">f", bytes((first, second, *last)))
        found.append(1 + q if q < 0 else q if q > 1e-40 else 0.0)
    created_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int.from_bytes(numbers[3:10]))
    return {
        "job_id": job_id.hex() if isinstance(job_id, bytes) else job_id,
        "group": group,
        "label": label,
        "confidence": found[11] if flags & 2 else found[label],
        "probabilities": found[:10],
        "novelty": found[10],
        "decision": "review" if flags & 1 else "accept",
        "model_version": model.replace("\x01", "mmdigit", 1),
        "created_at": created_at.isoformat(),
        "predicted_at": (created_at + timedelta(microseconds=answered_us)).isoformat(),
    }
