"""Compact encoding: predictions round-trip within the stated tolerance, and other values are errors."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from mmdigit.transport.compact import MAX_COMPACT_BYTES, decode, encode
from mmdigit.transport.encoding import decode_prediction, encode_prediction
from schemas.errors import StoreError
from schemas.prediction import Answer, HeadAnswer, Prediction, Source, Timings
from tests.factories import make_prediction
from tests.schemas.samples import NEW_PREDICTION, PAIRED_PREDICTION, PREDICTION, TRACED_PREDICTION, predictions
from tests.schemas.test_golden import GOLDEN as JSON_GOLDEN
from tests.schemas.test_golden import NEXT, OTHERS, OURS

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = {
    "prediction-v1.compact": PREDICTION,
    "prediction-v1-worker-version.compact": NEW_PREDICTION,
    "prediction-v1-trace-id.compact": TRACED_PREDICTION,
    "prediction-v1-head-probabilities.compact": PAIRED_PREDICTION,
}
PROBABILITY = 1e-6
SHARE = 2.0**-8
DURATION_S = 0.5e-6


def near(one: float, other: float) -> bool:
    """Within the tolerance of docs/use/wire.md: 1e-6 for a probability, 0.4 % for its distance from 0 or 1."""
    distance = min(one, 1 - one)
    kept = min(other, 1 - other)
    return abs(one - other) <= PROBABILITY and abs(distance - kept) <= SHARE * distance + 2.0**-53


def same(one: Prediction, other: Prediction) -> bool:
    """Whether other equals one within the promised tolerance."""

    def fields(prediction: Prediction) -> tuple[dict[str, Any], list[float], list[float]]:
        found = prediction.model_dump()
        answers = [found, *(found[head] for head in ("image", "audio", "fused") if found[head])]
        numbers = [found.pop("novelty")]
        for each in answers:
            numbers += [each.pop("confidence"), *(each.pop("probabilities") or ())]
        return found, numbers, [found["timings"].pop("wait_s"), found["timings"].pop("predict_s")]

    (exact, numbers, seconds), (read, kept, kept_s) = fields(one), fields(other)
    close = (abs(a - b) <= DURATION_S + 1e-12 * a for a, b in zip(seconds, kept_s, strict=True))
    return exact == read and all(map(near, numbers, kept)) and all(close)


@given(predictions)
@settings(max_examples=400)
@example(PREDICTION)
@example(TRACED_PREDICTION)
@example(PAIRED_PREDICTION)
@example(PREDICTION.model_copy(update={"model_version": "\x01", "worker_version": "mmdigit"}))
def test_round_trip_is_within_the_tolerance(prediction: Prediction) -> None:
    value = encode_prediction(prediction)
    event("packed" if value[:1] == b"\x01" else "JSON")
    assert same(prediction, decode_prediction(value))
    assert decode_prediction(encode_prediction(prediction, as_json=True)) == prediction


@given(predictions)
def test_decoded_prediction_encodes_to_the_same_bytes(prediction: Prediction) -> None:
    once = decode_prediction(encode_prediction(prediction))
    assert decode_prediction(encode_prediction(once)) == once


def test_equal_probabilities_stay_equal() -> None:
    surest = 0.9999999999982345
    rest = (1 - surest) / 9
    given_ = make_prediction().model_copy(
        update={
            "label": 4,
            "confidence": surest,
            "probabilities": tuple(surest if digit == 4 else rest for digit in range(10)),
            "fused": HeadAnswer(label=4, confidence=surest),
        }
    )
    read = decode(encode(given_))
    assert read.fused is not None
    assert read.confidence == read.probabilities[4] == read.fused.confidence < 1
    assert 1 - read.confidence == pytest.approx(1 - surest, rel=SHARE)


def test_order_of_probabilities_is_kept() -> None:
    ordered = sorted([2.0**-11, 0.5, 1 - 2.0**-11, 0.0, 1.0, *(number / 997 for number in range(997))])
    ordered += [1 - 10.0**-exponent for exponent in range(4, 15)]
    ordered = sorted([*ordered, *(10.0**-exponent for exponent in range(4, 40))])
    read = []
    for first in range(0, len(ordered) - 10, 5):
        probabilities = tuple(ordered[first : first + 10])
        read.append(decode(encode(make_prediction().model_copy(update={"probabilities": probabilities}))).probabilities)
    assert all(one <= other for row in read for one, other in pairwise(row))


def test_encode_covers_every_field() -> None:
    """encode would lose an unknown field: append new fields at the end, as docs/use/wire.md says."""
    named = {name for model in (Prediction, Source, Timings, HeadAnswer) for name in model.model_fields}
    assert named == set(Answer.model_fields) | {
        *("version", "job_id", "group", "expected", "source", "timings", "worker_version", "trace_id"),
        *("topic", "partition", "offset", "created_at", "predicted_at", "wait_s", "predict_s", "batch_size"),
    }
    assert set(Answer.model_fields) == {
        *("label", "confidence", "probabilities", "image", "audio", "fused", "novelty", "decision", "reasons"),
        "model_version",
    }


def test_encode_takes_a_seventh_of_json() -> None:
    packed = encode_prediction(TYPICAL)
    assert packed[0] == 1
    assert len(packed) <= 108
    assert 7 * len(packed) < len(encode_prediction(TYPICAL, as_json=True))


@pytest.mark.parametrize(
    "update",
    [
        {"model_version": "\x01..."},
        {"image": PAIRED_PREDICTION.image},
        {"audio": PAIRED_PREDICTION.audio},
        {"fused": PAIRED_PREDICTION.audio},
        {"timings": Timings(**{**PREDICTION.timings.__dict__, "wait_s": 1e300})},
        {"timings": Timings(**{**PREDICTION.timings.__dict__, "created_at": "9000-01-01T00:00:00Z"})},
    ],
)
def test_encode_prediction_falls_back_to_json(update: dict[str, object]) -> None:
    prediction = PREDICTION.model_copy(update=update)
    assert encode_prediction(prediction)[:1] == b"{"
    assert decode_prediction(encode_prediction(prediction)) == prediction


def test_encode_prediction_keeps_fields_of_a_later_release() -> None:
    class Next(Prediction):
        rivals: tuple[int, ...] = (4, 9)

    value = encode_prediction(Next(**dict(PREDICTION)))
    assert json.loads(value)["rivals"] == [4, 9]
    assert decode_prediction(value) == PREDICTION


def fields_of(prediction: Prediction) -> list[Any]:
    fields: list[Any] = msgpack.unpackb(encode(prediction)[1:])
    return fields


@pytest.mark.parametrize("more", [[None], [b"\x00" * 60, "text"], [{"a": [1]}, 5, [[]]]])
def test_decode_ignores_appended_fields(more: list[object]) -> None:
    assert decode(b"\x01" + msgpack.packb([*fields_of(TRACED_PREDICTION), None, *more])) == TRACED_PREDICTION
    assert decode(b"\x01" + msgpack.packb([*fields_of(PAIRED_PREDICTION), *more])) == PAIRED_PREDICTION
    without = make_prediction()
    assert decode(b"\x01" + msgpack.packb([*fields_of(without), None, None, None, *more])) == without


def test_decode_rejects_probabilities_of_a_missing_head() -> None:
    fields = [*fields_of(make_prediction()), None, None, fields_of(PAIRED_PREDICTION)[14]]
    with pytest.raises(StoreError, match="expected a stored prediction"):
        decode_prediction(b"\x01" + msgpack.packb(fields))


def test_encode_keeps_a_single_modality_short() -> None:
    alone = TYPICAL.model_copy(update={"audio": None, "fused": None, "image": TYPICAL.fused})
    assert len(encode(alone)) <= 102


@pytest.mark.parametrize("as_json", [False, True])
def test_decode_prediction_accepts_a_later_releases_reason(as_json: bool) -> None:
    if as_json:
        sent = json.loads(encode_prediction(PREDICTION, as_json=True))
        sent["reasons"].insert(0, "from_the_future")
        value = json.dumps(sent).encode()
    else:
        fields = fields_of(PREDICTION)
        fields[12].insert(0, "from_the_future")
        value = b"\x01" + msgpack.packb(fields)
    read = decode_prediction(value)
    assert read == PREDICTION.model_copy(update={"reasons": ("from_the_future", *PREDICTION.reasons)})


@pytest.mark.parametrize("version", [2, 3, 8, 14, 31])
def test_decode_prediction_rejects_a_newer_version(version: int) -> None:
    value = bytes([version]) + encode(PREDICTION)[1:]
    with pytest.raises(StoreError, match=f"got version {version} of a newer release; upgrade this program"):
        decode_prediction(value)


def read_or_refused(value: bytes) -> None:
    message = ""
    try:
        decode_prediction(value)
    except StoreError as error:
        message = str(error)
    assert not message or message.startswith("expected a stored prediction")
    assert len(message) < 1000


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x01", b"\x01\x9c", b"\x01\x9e", b'{"label":']))
@settings(max_examples=500)
def test_decode_prediction_rejects_random_bytes(value: bytes, start: bytes) -> None:
    read_or_refused(start + value)


@pytest.mark.parametrize("as_json", [False, True])
def test_decode_prediction_rejects_every_truncation(as_json: bool) -> None:
    value = encode_prediction(TRACED_PREDICTION, as_json=as_json)
    for length in range(len(value)):
        with pytest.raises(StoreError, match="expected a stored prediction"):
            decode_prediction(value[:length])


@given(st.data())
@settings(max_examples=500)
def test_decode_prediction_survives_damaged_bytes(data: st.DataObject) -> None:
    value = bytearray(encode(TRACED_PREDICTION))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    read_or_refused(bytes(value))


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.integers(0, 14), json_like)
@settings(max_examples=500)
def test_decode_prediction_survives_other_field_types(place: int, value: object) -> None:
    fields = fields_of(PAIRED_PREDICTION)
    fields[place] = value
    read_or_refused(b"\x01" + msgpack.packb(fields))


@pytest.mark.parametrize(
    "value",
    [
        b"\x01" + b"\x91" * 50_000,
        b"\x01\xdd\xff\xff\xff\xff",
        b"\x01\xdf\xff\xff\xff\xff",
        b"\x01\xc6\xff\xff\xff\xff",
        b"\x01" + b"\x90" * MAX_COMPACT_BYTES,
        b"\x01" * 100_000,
    ],
)
def test_decode_prediction_rejects_hostile_values(value: bytes) -> None:
    with pytest.raises(StoreError, match="expected a stored prediction"):
        decode_prediction(value)


def test_decode_rejects_bytes_after_the_probabilities() -> None:
    fields = fields_of(PREDICTION)
    fields[0] += b"\x00"
    with pytest.raises(StoreError, match="bytes of probabilities"):
        decode_prediction(b"\x01" + msgpack.packb(fields))


@pytest.mark.parametrize("name", [name for name in (OURS | OTHERS | NEXT) if name.startswith("prediction")])
def test_decode_prediction_reads_json_of_every_release(name: str) -> None:
    assert decode_prediction((JSON_GOLDEN / name).read_bytes()) == (OURS | OTHERS | NEXT)[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_encode_matches_the_golden_files(name: str) -> None:
    value = (GOLDEN / name).read_bytes()
    assert encode_prediction(SAMPLES[name]) == value
    assert decode_prediction(value) == SAMPLES[name]


TYPICAL = Prediction.model_validate_json(
    '{"label":4,"confidence":0.9999999999982345,"probabilities":[3.205779274143797e-14,2.768614314935384e-13,'
    "2.0784884515235083e-14,1.9837322285975875e-15,0.9999999999982345,5.322313895162667e-14,5.990632213162861e-14,"
    '2.4390296031039036e-14,1.8088359268930042e-13,1.1150295685068932e-12],"image":{"label":4,'
    '"confidence":0.9999664664309585},"audio":{"label":4,"confidence":0.9995644419668845},"fused":{"label":4,'
    '"confidence":0.9999999999982345},"novelty":0.005681619468551999,"decision":"accept","reasons":[],'
    '"model_version":"mmdigit-2-f7b82bf2","version":1,"job_id":"0123456789abcdef0123456789abcdef","group":"benchmark",'
    '"expected":4,"source":{"topic":"mmdigit.jobs","partition":2,"offset":2},"timings":{"created_at":'
    '"2026-11-28T10:16:00.230622Z","predicted_at":"2026-11-28T10:16:00.240622Z","wait_s":0.00004780100005064014,'
    '"predict_s":0.0005258110005570416,"batch_size":32},"worker_version":"0.7.0"}'
)
