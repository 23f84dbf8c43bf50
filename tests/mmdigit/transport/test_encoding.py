"""Encoding of stored values: round trips, and a StoreError for anything that another program wrote."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmdigit.transport.encoding import MAX_STORED_BYTES, decode_note, decode_prediction, encode_prediction
from schemas.errors import StoreError
from schemas.prediction import Source
from tests.factories import make_prediction

ROOT = Path(__file__).parents[3]


def test_prediction_round_trip() -> None:
    assert decode_prediction(encode_prediction(make_prediction())) == make_prediction()


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 100_000, b"NaN", b'{"version":1.0}'])
def test_decode_prediction_rejects_other_values(value: bytes) -> None:
    with pytest.raises(StoreError, match="expected a stored prediction"):
        decode_prediction(value)


def test_decode_note_reads_reason_and_group() -> None:
    assert decode_note(b'{"reason": "invalid_image", "group": null}') == ("invalid_image", None)
    assert decode_note(b'{"reason": "invalid_image", "group": "g"}') == ("invalid_image", "g")


@pytest.mark.parametrize(
    "note",
    [b"", b"{}", b"[]", b"5", b"\xff", b"[" * 100_000, b'{"reason":5}', b'{"reason":"=1+1"}', b'{"reason":"a\\n"}'],
)
def test_decode_note_rejects_other_values(note: bytes) -> None:
    with pytest.raises(StoreError, match="expected a dead-letter note"):
        decode_note(note)


def test_decode_rejects_large_values_without_parsing() -> None:
    """In its own process, to measure its peak memory: a parser would use a hundred bytes for each "[],"."""
    script = """
import resource
from schemas.errors import StoreError
from mmdigit.transport.encoding import MAX_STORED_BYTES, decode_note, decode_prediction
n = 8 * 1024 * 1024
values = [b'{"a":[' + b"[]," * n + b"1]}", b'{"reason":"' + b"a" * n + b'"}', b"[" * n]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for value in values:
    for read in (decode_note, decode_prediction):
        try:
            read(value)
        except StoreError as error:
            assert str(MAX_STORED_BYTES) in str(error)
            continue
        raise SystemExit("read")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 16


def test_largest_prediction_is_far_below_the_limit() -> None:
    largest = make_prediction().model_copy(
        update={
            "job_id": "j" * 128,
            "group": "g" * 128,
            "model_version": "\u202e" * 64,
            "worker_version": "\x00" * 64,
            "source": Source(topic="\x00" * 249, partition=2**62, offset=2**62),
        }
    )
    assert len(encode_prediction(largest)) < MAX_STORED_BYTES / 10
    assert decode_prediction(encode_prediction(largest)) == largest


def test_decode_prediction_names_invalid_json() -> None:
    with pytest.raises(StoreError, match="got Invalid JSON"):
        decode_prediction(b'{"label":')
