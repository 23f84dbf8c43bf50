"""Compact encoding of a stored prediction, version 1: an eighth of the size of JSON. docs/use/wire.md has the table.

    01                  the version; JSON never begins with this byte
    msgpack array       numbers, job_id, group, model_version, worker_version, topic, partition, offset,
                        predicted_at - created_at, wait_s, predict_s (all three in microseconds), batch_size,
                        reasons, trace_id, head_probabilities; later releases append fields, and readers ignore those
                        they do not know

numbers is bytes: six 4-bit digits (label, expected, the labels of image, audio and fused, flags), created_at in
56 bits as microseconds since 1970, then the probabilities. head_probabilities is bytes too: the ten probabilities of
image and the ten of audio.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Final

import msgpack  # type: ignore[import-untyped]

from schemas.prediction import HeadAnswer, Prediction

COMPACT_VERSION: Final = 1
MAX_COMPACT_BYTES: Final = 64 * 1024
"""More than the largest prediction, with every text at its limit."""

_ABSENT, _SAME = 15, 14
"""In place of a label: the head gave none; or its label and confidence equal the prediction's."""
_REVIEW, _OWN_CONFIDENCE = 1, 2
"""Flags: the decision is review; confidence differs from the probability of the label, and follows novelty."""
_HEAD_BYTES = 10  # the six digits and created_at
_PROBABILITIES = 10

_LONG = 0x3A
"""The exponent byte of 2**-11. Larger numbers keep all four bytes of their float. Smaller ones keep the upper two, with
an error of at most 2**-20."""
_IS_LONG = bytes(byte & 0x7F >= _LONG for byte in range(256))
_LOWER = struct.Struct("2x2s")
_MIDDLE = b"\x00\x00\x80\x00"  # the middle of the range of the two dropped bytes
_NIL = 1e-40  # more than the float 00008000

_NAME = "mmdigit"
_SHORT_NAME = "\x01"
"""Replaces a leading _NAME, as in the model's version and the usual topic."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLOATS = [struct.Struct(f">{count}f") for count in range(2 * _PROBABILITIES + 1)]


def encode(prediction: Prediction) -> bytes:
    """Encode the prediction. Raises ValueError or OverflowError if it does not fit this encoding.

    Loses fractions of a microsecond in durations and the UTC offset of timestamps (they decode as UTC). Each
    probability p is off by less than 1e-6; if p or 1 - p is below 2**-11, by less than 2**-8 of that.
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
        ((digits << 4 | flags) << 56 | created_us).to_bytes(_HEAD_BYTES, "big") + _encode_numbers(numbers),
        encode_id(prediction.job_id),
        prediction.group,
        _encode_text(prediction.model_version),
        prediction.worker_version,
        _encode_text(source.topic),
        source.partition,
        source.offset,
        _microseconds(timings.predicted_at) - created_us,
        round(timings.wait_s * 1e6),
        round(timings.predict_s * 1e6),
        timings.batch_size,
    ]
    fields += [
        prediction.reasons,
        None if prediction.trace_id is None else bytes.fromhex(prediction.trace_id),
        _encode_head_probabilities(prediction.image, prediction.audio, prediction.fused),
    ]
    while not fields[-1]:  # batch_size is never 0
        fields.pop()
    value: bytes = b"\x01" + msgpack.packb(fields)
    if len(value) > MAX_COMPACT_BYTES or created_us >> 56:
        raise ValueError(f"expected at most {MAX_COMPACT_BYTES} bytes and a year before 4253")
    return value


def decode(value: bytes) -> Prediction:
    """The inverse of encode. Omits reasons that this release does not know.

    Raises ValueError (pydantic's ValidationError is one), TypeError, LookupError or OverflowError if value is invalid.
    """
    if len(value) > MAX_COMPACT_BYTES:
        raise ValueError(f"expected at most {MAX_COMPACT_BYTES} bytes, got {len(value)}")
    fields = msgpack.unpackb(value[1:], use_list=False)
    numbers, job_id, group, model_version, worker_version, topic, partition, offset = fields[:8]
    answered_us, wait_us, predict_us, batch_size = fields[8:12]
    more = fields[12:]
    first, image_and_audio, last = numbers[0], numbers[1], numbers[2]
    label, flags = first >> 4, last & 15
    if flags > (_REVIEW | _OWN_CONFIDENCE):
        raise ValueError(f"expected known flags, got {flags:04b}")
    heads = (image_and_audio >> 4, image_and_audio & 15, last >> 4)
    count = _PROBABILITIES + 1 + (flags >> 1) + (heads[0] < _SAME) + (heads[1] < _SAME) + (heads[2] < _SAME)
    found = _decode_numbers(numbers[_HEAD_BYTES:], count)
    rest = found[:_PROBABILITIES:-1]  # reversed, so that pop() takes them in order
    own = {"label": label, "confidence": rest.pop() if flags & _OWN_CONFIDENCE else found[label]}
    image, audio, fused = [
        None if head == _ABSENT else own if head == _SAME else {"label": head, "confidence": rest.pop()}
        for head in heads
    ]
    if len(more) > 2 and more[2] is not None:
        if image is None or audio is None:
            raise ValueError("expected the heads of image and audio beside their probabilities, got one or none")
        of_heads = _decode_numbers(more[2], 2 * _PROBABILITIES)
        image = {**image, "probabilities": of_heads[:_PROBABILITIES]}
        audio = {**audio, "probabilities": of_heads[_PROBABILITIES:]}
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
            "model_version": _decode_text(model_version),
            "job_id": job_id.hex() if type(job_id) is bytes else job_id,
            "group": group,
            "expected": None if first & 15 == _ABSENT else first & 15,
            "source": {"topic": _decode_text(topic), "partition": partition, "offset": offset},
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


def _encode_numbers(numbers: Sequence[float]) -> bytes:
    # Probabilities near 1 are stored as minus their distance from 1: floats are precise only near 0.
    raw = _FLOATS[len(numbers)].pack(*[p if p <= 0.5 else -(1.0 - p) for p in numbers])
    first = raw[0::4]
    lower = [half for (half,) in _LOWER.iter_unpack(raw)]
    return b"".join((first, raw[1::4], *compress(lower, first.translate(_IS_LONG))))


def _decode_numbers(value: bytes, count: int) -> list[float]:
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


def _encode_head_probabilities(
    image: HeadAnswer | None, audio: HeadAnswer | None, fused: HeadAnswer | None
) -> bytes | None:
    of_image = None if image is None else image.probabilities
    of_audio = None if audio is None else audio.probabilities
    if fused is not None and fused.probabilities is not None:
        raise ValueError("expected no probabilities of the fused head, which are the prediction's")
    if of_image is None and of_audio is None:
        return None
    if of_image is None or of_audio is None:
        raise ValueError("expected the probabilities of image and audio, got those of one of them")
    return _encode_numbers((*of_image, *of_audio))


def _digit(head: HeadAnswer | None, label: int, confidence: float, numbers: list[float]) -> int:
    if head is None:
        return _ABSENT
    if head.label == label and head.confidence == confidence:
        return _SAME
    numbers.append(head.confidence)
    return head.label


def _microseconds(timestamp: datetime) -> int:
    since = timestamp - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def encode_id(job_id: str) -> str | bytes:
    """The id; 16 bytes if it is 32 hexadecimal digits in lower case."""
    if len(job_id) == 32:
        try:
            encoded = bytes.fromhex(job_id)
        except ValueError:
            return job_id
        if encoded.hex() == job_id:
            return encoded
    return job_id


def _encode_text(text: str) -> str:
    if text.startswith(_NAME):
        return _SHORT_NAME + text[len(_NAME) :]
    if text.startswith(_SHORT_NAME):
        raise ValueError("expected a text without a leading control character")
    return text


def _decode_text(text: str) -> str:
    return _NAME + text[1:] if text.startswith(_SHORT_NAME) else text
