"""What a store gives back that another program wrote: an error of ours, never another."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmdigit.transport.stored import MAX_STORED_BYTES, read_prediction, read_reason, write_prediction
from schemas.errors import StoreError
from schemas.prediction import Source
from tests.factories import make_prediction

ROOT = Path(__file__).parents[3]


def test_a_prediction_goes_round() -> None:
    assert read_prediction(write_prediction(make_prediction())) == make_prediction()


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 100_000, b"NaN", b'{"version":1.0}'])
def test_what_is_no_prediction_is_an_error_of_ours(value: bytes) -> None:
    with pytest.raises(StoreError, match="expected a stored prediction"):
        read_prediction(value)


def test_a_reason_goes_round() -> None:
    assert read_reason(b'{"reason": "invalid_image", "group": null}') == "invalid_image"


@pytest.mark.parametrize(
    "note",
    [b"", b"{}", b"[]", b"5", b"\xff", b"[" * 100_000, b'{"reason":5}', b'{"reason":"=1+1"}', b'{"reason":"a\\n"}'],
)
def test_what_is_no_note_is_an_error_of_ours(note: bytes) -> None:
    with pytest.raises(StoreError, match="expected the note of a dead letter"):
        read_reason(note)


def test_a_value_of_any_size_costs_no_memory() -> None:
    """In a process of its own, since only its peak can be read: a parser makes a hundred bytes of each "[],"."""
    script = """
import resource
from schemas.errors import StoreError
from mmdigit.transport.stored import MAX_STORED_BYTES, read_prediction, read_reason
n = 8 * 1024 * 1024
values = [b'{"a":[' + b"[]," * n + b"1]}", b'{"reason":"' + b"a" * n + b'"}', b"[" * n]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for value in values:
    for read in (read_prediction, read_reason):
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


def test_the_largest_prediction_is_far_below_the_limit() -> None:
    largest = make_prediction().model_copy(
        update={
            "job_id": "j" * 128,
            "group": "g" * 128,
            "model_version": "\u202e" * 64,
            "worker_version": "\x00" * 64,
            "source": Source(topic="\x00" * 249, partition=2**62, offset=2**62),
        }
    )
    assert len(write_prediction(largest)) < MAX_STORED_BYTES / 10
    assert read_prediction(write_prediction(largest)) == largest


def test_what_is_no_json_is_named() -> None:
    with pytest.raises(StoreError, match="got Invalid JSON"):
        read_prediction(b'{"label":')
