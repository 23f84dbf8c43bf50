"""Messages of reviewing, as they stand in JSON."""

import base64
import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from schemas.review import MAX_CLAIMED, MAX_TYPED, Claim, ClaimRequest, DigitBox, DigitKey, Key, Keys

PICTURE = bytes(range(240, 256)) * 3


def test_pictures_are_base64_of_the_standard_alphabet() -> None:
    box = DigitBox(field="f", box=0, page=1, name="member", label="Member", crop=PICTURE, digit=7)
    claim = Claim(claim="c", clerk="Ada", kind="digits", expires_at=datetime(2026, 1, 1, tzinfo=UTC), boxes=(box,))
    text = claim.model_dump_json()
    assert json.loads(text)["boxes"][0]["crop"] == base64.b64encode(PICTURE).decode()
    assert Claim.model_validate_json(text) == claim


@pytest.mark.parametrize(
    "body",
    [
        {"count": 0},
        {"count": MAX_CLAIMED + 1},
        {"kind": "none"},
        {"digit": 10},
        {"clerk": ""},
        {"unknown": 1},
    ],
)
def test_claims_are_bounded(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClaimRequest.model_validate(body)


def test_keys_are_bounded() -> None:
    assert DigitKey.model_validate({"field": "f", "box": 0, "digit": None}).digit is None
    for wrong in ({"field": "f", "text": "1" * (MAX_TYPED + 1)}, {"field": "f", "seen": -1}, {"text": "1"}):
        with pytest.raises(ValidationError):
            Key.model_validate(wrong)
    with pytest.raises(ValidationError):
        Keys(fields=(Key(field="f"),) * (MAX_CLAIMED + 1))
