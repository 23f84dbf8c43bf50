"""What a store gives back that another program wrote: an error of ours, never another."""

import pytest

from schemas.errors import StoreError
from tests.factories import make_prediction
from transport.stored import read_prediction, read_reason, write_prediction


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


def test_what_is_no_json_is_named() -> None:
    with pytest.raises(StoreError, match="got Invalid JSON"):
        read_prediction(b'{"label":')
