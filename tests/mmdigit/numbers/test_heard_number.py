"""What was heard, as JSON, and its reasons as docs/use/numbers.md explains them."""

import json
import re
from pathlib import Path
from typing import get_args

from mmdigit.numbers.heard_number import NOT_CONFIRMED, HeardDigit, HeardNumber, HeardReason

PAGE = (Path(__file__).parents[3] / "docs" / "use" / "numbers.md").read_text()
DIGIT = HeardDigit(4, 0.9, 1, 0.05, 0.25, 0.75)


def heard(*reasons: HeardReason) -> HeardNumber:
    return HeardNumber((DIGIT, DIGIT), 0.8, 2, None, 1.5, reasons, reasons, "mmdigit-2-00000000")


def test_json_has_what_the_page_explains() -> None:
    said = json.loads(json.dumps(heard(NOT_CONFIRMED).as_json()))
    assert (said["value"], said["decision"], said["acceptable_if_confirmed"]) == ("44", "review", True)
    assert {*said, *said["digits"][0]} - {"duration_s", "model_version"} == set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`value`.*?)^\*\*Sound", PAGE, re.MULTILINE | re.DOTALL)))
    ) - {"not_confirmed", "review"}


def test_each_reason_is_explained() -> None:
    assert set(get_args(HeardReason)) == set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)) & {
        *get_args(HeardReason)
    }


def test_one_more_reason_forbids_acceptance() -> None:
    assert heard(NOT_CONFIRMED).acceptable_if_confirmed
    assert not heard(NOT_CONFIRMED, "wrong_count").acceptable_if_confirmed
    assert not heard("silence").acceptable_if_confirmed
