"""Golden samples: what was once on the wire stays readable, and what we write does not change unnoticed."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.export import EXPORTED, schema_files
from schemas.prediction import Prediction
from schemas.wire import decode_dead_letter, decode_job, encode
from tests.schemas.samples import (
    DEAD_LETTER,
    JOB,
    LEAST_JOB,
    PREDICTION,
    REPLAYED_DEAD_LETTER,
    TRACED_DEAD_LETTER,
    TRACED_PREDICTION,
)

GOLDEN = Path(__file__).parent / "golden"

OURS: dict[str, BaseModel] = {
    "job-v1.json": JOB,
    "job-v1.msgpack": JOB,
    "job-v1-least.json": LEAST_JOB,
    "job-v1-least.msgpack": LEAST_JOB,
    "dead_letter-v1-times-dead.json": REPLAYED_DEAD_LETTER,
    "dead_letter-v1-times-dead.msgpack": REPLAYED_DEAD_LETTER,
    "dead_letter-v1-traceparent.json": TRACED_DEAD_LETTER,
    "dead_letter-v1-traceparent.msgpack": TRACED_DEAD_LETTER,
    "prediction-v1.json": PREDICTION,
    "prediction-v1-trace-id.json": TRACED_PREDICTION,
}
"""Files as this program writes them."""

OTHERS: dict[str, BaseModel] = {
    "dead_letter-v1.json": DEAD_LETTER,
    "dead_letter-v1.msgpack": DEAD_LETTER,
    "job-v1-other-standard-base64.json": JOB,
    "job-v1-other-urlsafe-base64.json": LEAST_JOB,
    "job-v1-other.msgpack": LEAST_JOB,
}
"""Files as programs in other languages may write them, or as 0.4.0 wrote dead letters: without times_dead."""


def decoded(name: str, value: bytes) -> BaseModel:
    if name.startswith("prediction"):
        return Prediction.model_validate_json(value)
    return (decode_job if name.startswith("job") else decode_dead_letter)(value)


@pytest.mark.parametrize("name", [*OURS, *OTHERS])
def test_every_sample_is_still_read(name: str) -> None:
    assert decoded(name, (GOLDEN / name).read_bytes()) == (OURS | OTHERS)[name]


@pytest.mark.parametrize("name", OURS)
def test_what_is_written_is_the_same_to_the_byte(name: str) -> None:
    assert encode(OURS[name], "msgpack" if name.endswith(".msgpack") else "json") == (GOLDEN / name).read_bytes()


def test_every_file_is_a_sample() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*OURS, *OTHERS}


def test_every_exported_schema_is_current() -> None:
    files = schema_files()
    assert {path: path.read_text() for path in files} == files, "run python -m schemas.export"
    assert set(next(iter(files)).parent.iterdir()) == set(files)


@pytest.mark.parametrize("name", [name for name in [*OURS, *OTHERS] if name.endswith(".json")])
def test_samples_have_the_fields_that_their_schema_names(name: str) -> None:
    (path,) = (path for path in schema_files() if path.name == f"{name.partition('-')[0]}.schema.json")
    schema = json.loads(path.read_text())
    fields = json.loads((GOLDEN / name).read_bytes())
    assert set(schema["required"]) <= set(fields) <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_the_schema_says_how_bytes_are_written() -> None:
    for name in EXPORTED:
        text = next(text for path, text in schema_files().items() if path.name == f"{name}.schema.json")
        assert '"binary"' not in text
        assert ("contentEncoding" in text) == (name != "prediction")
