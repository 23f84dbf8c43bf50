"""The section on stored predictions in docs/use/wire.md: its programs work, and its tables match the code."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mmdigit.transport.compact import _ABSENT, _HEAD_BYTES, _LONG, _NAME, _OWN_CONFIDENCE, _REVIEW, _SAME, _SHORT_NAME
from mmdigit.transport.encoding import decode_prediction, encode_prediction
from samples.readers import prediction as reader
from schemas.prediction import Prediction
from tests.factories import make_prediction
from tests.mmdigit.transport.test_compact import TYPICAL
from tests.schemas.samples import PREDICTION, TRACED_PREDICTION

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "use" / "wire.md").read_text()
SCRIPT = ROOT / "samples" / "readers" / "prediction.js"
SECTION = PAGE.partition("## Stored predictions")[2].partition("\n## ")[0]
GROUP = "a group of more than 31 characters".replace(" ", "-")
VALUES = {
    "typical": TYPICAL,
    "at the border of two and four bytes": TYPICAL.model_copy(
        update={"novelty": 0.0011, "probabilities": (2.0**-11, 0.00048, 0.0, 1.0, *TYPICAL.probabilities[4:])}
    ),
    "of a review": PREDICTION,
    "traced": TRACED_PREDICTION,
    "of an image alone": make_prediction(7).model_copy(update={"group": None, "model_version": "other", "expected": 3}),
    "with a confidence of its own": TYPICAL.model_copy(update={"confidence": 0.75, "group": GROUP}),
    "answered before it was made": TYPICAL.model_copy(
        update={
            "timings": TYPICAL.timings.model_copy(update={"predicted_at": datetime(2026, 11, 28, 9, tzinfo=UTC)}),
            "source": TYPICAL.source.model_copy(update={"offset": 2**40}),
        }
    ),
}


def expected(value: bytes) -> dict[str, Any]:
    """The documented programs' output for a prediction that this project decoded."""
    names = ("job_id", "group", "label", "confidence", "probabilities", "novelty", "decision", "model_version")
    read = decode_prediction(value)
    return {name: getattr(read, name) for name in names} | {
        "probabilities": list(read.probabilities),
        "created_at": read.timings.created_at,
        "predicted_at": read.timings.predicted_at,
    }


def moments_read(found: dict[str, Any]) -> dict[str, Any]:
    return found | {name: datetime.fromisoformat(found[name]) for name in ("created_at", "predicted_at")}


@pytest.mark.parametrize("name", VALUES)
def test_documented_python_reads_stored_predictions(name: str) -> None:
    value = encode_prediction(VALUES[name])
    assert value[0] == 1
    assert moments_read(reader.read(value)) == expected(value)


@pytest.mark.parametrize("name", VALUES)
def test_documented_javascript_reads_stored_predictions(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine: samples/readers/prediction.js is not run; install Node.js to run it")
    value = encode_prediction(VALUES[name])
    script = f'{SCRIPT.read_text()}\nconsole.log(JSON.stringify(read(Buffer.from("{value.hex()}0a", "hex"))));'
    done = subprocess.run([node, "-"], input=script, capture_output=True, text=True, check=True)
    want = expected(value)
    found = moments_read(json.loads(done.stdout))
    for moment in ("created_at", "predicted_at"):  # a Date has only milliseconds
        assert abs((found.pop(moment) - want.pop(moment)).total_seconds()) < 0.001
    assert found == want


def test_documented_tables_match_the_code() -> None:
    assert (_ABSENT, _SAME, _REVIEW, _OWN_CONFIDENCE, _HEAD_BYTES, _LONG) == (15, 14, 1, 2, 10, 0x3A)
    assert (_NAME, _SHORT_NAME) == ("mmdigit", "\x01")
    fields = re.findall(r"^\| (\d+)(?:, (\d+))? \| (.*?) \|", SECTION, re.MULTILINE)
    assert [int(last or first) for first, last, _ in fields] == [0, 1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14]
    named = set(re.findall(r"`(?:\w+\.)?(\w+)`", SECTION))
    inner = {name for field in ("source", "timings") for name in type(getattr(PREDICTION, field)).model_fields}
    assert (set(Prediction.model_fields) | inner) - {
        "version",
        "source",
        "timings",
        "probabilities",
        "decision",
    } <= named
