"""The packed form of a stored prediction, version 1: an eighth of its JSON. docs/use/wire.md has it as a table.

    01                  the version; no JSON begins so
    msgpack array       numbers, job_id, group, model_version, worker_version, topic, partition, offset,
                        predicted_at - created_at, wait_s, predict_s (all three in microseconds), batch_size,
                        reasons, trace_id; what a later release adds stands behind, and readers pass over it

numbers is bytes: six digits of four bits (label, expected, the labels of image, audio and fused, flags), created_at in
56 bits of microseconds since 1970, then the probabilities.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgpack  # type: ignore[import-untyped]

from schemas.prediction import HeadAnswer, Prediction

PACKED_VERSION: Final = 1
MAX_PACKED_BYTES: Final = 64 * 1024
"""More than any prediction takes, its texts at their limits."""

_ABSENT, _SAME = 15, 14
"""In place of a label: there is none; label and confidence of this head are the prediction's own."""
_REVIEW, _OWN_CONFIDENCE = 1, 2
"""Flags: the decision; confidence is not the probability of the label, and follows novelty."""
_HEAD_BYTES = 10  # the six digits and the moment
_PROBABILITIES = 10
_MOST_NUMBERS = _PROBABILITIES + 5  # novelty, confidence, one of each head

_LONG = 0x3A
"""The exponent's byte of 2**-11. A number from there on keeps all four bytes of its float, a smaller one the upper two,
which is then wrong by 2**-20 at most."""
_MIDDLE = b"\x00\x00\x80\x00"  # of what the lower two bytes may have been
_NIL = 1e-40  # the float of 00008000 is less

_NAME = "mmdigit"
_SHORT_NAME = "\x01"
"""In place of _NAME where a text begins with it, as the model's version and the usual topic do."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLOATS = [struct.Struct(f">{count}f") for count in range(_MOST_NUMBERS + 1)]


def pack(prediction: Prediction) -> bytes:
    """The prediction, smaller. Raises ValueError or OverflowError for what this form cannot hold.

    Lost: the fractions of a microsecond in durations, the offset of moments (they are read in UTC), and of each
    probability p what is less than 1e-6; where p or 1 - p is less than 2**-11, what is less than 2**-8 of that.
    """
    if type(prediction) is not Prediction:
        raise ValueError("expected a Prediction, got one with more fields")
    label, confidence = prediction.label, prediction.confidence
    numbers = [*prediction.probabilities, prediction.novelty]
    flags = 0 if prediction.decision == "accept" else _REVIEW
    if numbers[label] != confidence:
        flags |= _OWN_CONFIDENCE
        numbers.append(confidence)
    digits = label << 4 | (_ABSENT if prediction.expected is None else prediction.expected)
    for head in (prediction.image, prediction.audio, prediction.fused):
        digits = digits << 4 | _digit(head, label, confidence, numbers)
    source, timings = prediction.source, prediction.timings
    created_us = _microseconds(timings.created_at)
    fields: list[object] = [
        ((digits << 4 | flags) << 56 | created_us).to_bytes(_HEAD_BYTES, "big") + _pack_numbers(numbers),
        _pack_id(prediction.job_id),
        prediction.group,
        _pack_text(prediction.model_version),
        prediction.worker_version,
        _pack_text(source.topic),
        source.partition,
        source.offset,
        _microseconds(timings.predicted_at) - created_us,
        round(timings.wait_s * 1e6),
        round(timings.predict_s * 1e6),
        timings.batch_size,
    ]
    if prediction.trace_id is not None:
        fields += [prediction.reasons, bytes.fromhex(prediction.trace_id)]
    elif prediction.reasons:
        fields.append(prediction.reasons)
    value: bytes = b"\x01" + msgpack.packb(fields)
    if len(value) > MAX_PACKED_BYTES or created_us >> 56:
        raise ValueError(f"expected {MAX_PACKED_BYTES} bytes at most, and a year before 4253")
    return value


def unpack(value: bytes) -> Prediction:
    """The prediction of pack. Reasons that this release does not know are left out.

    Raises ValueError (pydantic's ValidationError is one), or TypeError, LookupError or OverflowError, if it is none.
    """
    if len(value) > MAX_PACKED_BYTES:
        raise ValueError(f"expected {MAX_PACKED_BYTES} bytes at most, got {len(value)}")
    fields = msgpack.unpackb(value[1:], use_list=False)
    numbers, job_id, group, model_version, worker_version, topic, partition, offset = fields[:8]
    answered_us, wait_us, predict_us, batch_size = fields[8:12]
    more = fields[12:]
    first, image_and_audio, last = numbers[0], numbers[1], numbers[2]
    label, flags = first >> 4, last & 15
    if flags > (_REVIEW | _OWN_CONFIDENCE):
        raise ValueError(f"expected flags that are known, got {flags:04b}")
    heads = (image_and_audio >> 4, image_and_audio & 15, last >> 4)
    count = _PROBABILITIES + 1 + (flags >> 1) + (heads[0] < _SAME) + (heads[1] < _SAME) + (heads[2] < _SAME)
    found = _unpack_numbers(numbers[_HEAD_BYTES:], count)
    rest = found[:_PROBABILITIES:-1]  # backwards, to be taken from the end
    own = {"label": label, "confidence": rest.pop() if flags & _OWN_CONFIDENCE else found[label]}
    image, audio, fused = [
        None if head == _ABSENT else own if head == _SAME else {"label": head, "confidence": rest.pop()}
        for head in heads
    ]
    created_at = _EPOCH + timedelta(0, 0, int.from_bytes(numbers[3:_HEAD_BYTES], "big"))
    return Prediction.model_validate(
        {
            **own,
            "probabilities": found[:_PROBABILITIES],
            "image": image,
            "audio": audio,
            "fused": fused,
            "novelty": found[_PROBABILITIES],
            "decision": "review" if flags & _REVIEW else "accept",
            "reasons": more[0] if more and more[0] is not None else (),
            "model_version": _unpack_text(model_version),
            "job_id": job_id.hex() if type(job_id) is bytes else job_id,
            "group": group,
            "expected": None if first & 15 == _ABSENT else first & 15,
            "source": {"topic": _unpack_text(topic), "partition": partition, "offset": offset},
            "timings": {
                "created_at": created_at,
                "predicted_at": created_at + timedelta(0, 0, answered_us),
                "wait_s": wait_us / 1e6,
                "predict_s": predict_us / 1e6,
                "batch_size": batch_size,
            },
            "worker_version": worker_version,
            "trace_id": more[1].hex() if len(more) > 1 and more[1] is not None else None,
        }
    )


def _pack_numbers(numbers: Sequence[float]) -> bytes:
    # What is near 1 is kept as minus its distance from it: a float is fine near 0 alone.
    raw = _FLOATS[len(numbers)].pack(*[p if p <= 0.5 else -(1.0 - p) for p in numbers])
    first = raw[0::4]
    long = [raw[4 * at + 2 : 4 * at + 4] for at, byte in enumerate(first) if byte & 0x7F >= _LONG]
    return b"".join((first, raw[1::4], *long))


def _unpack_numbers(value: bytes, count: int) -> list[float]:
    first = value[:count]
    raw = bytearray(_MIDDLE * count)
    raw[0::4], raw[1::4] = first, value[count : 2 * count]
    end = 2 * count
    for at, byte in enumerate(first):
        if byte & 0x7F >= _LONG:
            raw[4 * at + 2 : 4 * at + 4] = value[end : end + 2]
            end += 2
    if end != len(value):
        raise ValueError(f"expected {end} bytes of probabilities, got {len(value)}")
    return [q if q > _NIL else 1 + q if q < 0 else 0.0 for q in _FLOATS[count].unpack(raw)]


def _digit(head: HeadAnswer | None, label: int, confidence: float, numbers: list[float]) -> int:
    if head is None:
        return _ABSENT
    if head.label == label and head.confidence == confidence:
        return _SAME
    numbers.append(head.confidence)
    return head.label


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _pack_id(job_id: str) -> str | bytes:
    if len(job_id) == 32:
        try:
            packed = bytes.fromhex(job_id)
        except ValueError:
            return job_id
        if packed.hex() == job_id:
            return packed
    return job_id


def _pack_text(text: str) -> str:
    if text.startswith(_NAME):
        return _SHORT_NAME + text[len(_NAME) :]
    if text.startswith(_SHORT_NAME):
        raise ValueError("expected a text without a control character at its start")
    return text


def _unpack_text(text: str) -> str:
    return _NAME + text[1:] if text.startswith(_SHORT_NAME) else text
