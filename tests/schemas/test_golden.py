"""Golden files: every encoding ever written stays readable, and today's does not change unnoticed."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.errors import InvalidRecord, UnknownVersion
from schemas.export import EXPORTED, schema_files
from schemas.prediction import Prediction
from schemas.wire import decode_dead_letter, decode_job, decode_page, encode
from tests.schemas.samples import (
    DEAD_LETTER,
    JOB,
    LEAST_JOB,
    NEW_PREDICTION,
    PAGE,
    PAIRED_PREDICTION,
    PREDICTION,
    REPLAYED_DEAD_LETTER,
    SPOKEN_PAGE,
    TRACED_DEAD_LETTER,
    TRACED_PREDICTION,
)

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]

OURS: dict[str, BaseModel] = {
    "job-v1.json": JOB,
    "job-v1.msgpack": JOB,
    "job-v1-least.json": LEAST_JOB,
    "job-v1-least.msgpack": LEAST_JOB,
    "dead_letter-v1-times-dead.json": REPLAYED_DEAD_LETTER,
    "dead_letter-v1-times-dead.msgpack": REPLAYED_DEAD_LETTER,
    "dead_letter-v1-traceparent.json": TRACED_DEAD_LETTER,
    "dead_letter-v1-traceparent.msgpack": TRACED_DEAD_LETTER,
    "page-v1.json": PAGE,
    "page-v1.msgpack": PAGE,
    "page-v1-recordings.json": SPOKEN_PAGE,
    "page-v1-recordings.msgpack": SPOKEN_PAGE,
    "prediction-v1-head-probabilities.json": PAIRED_PREDICTION,
    "prediction-v1-trace-id.json": TRACED_PREDICTION,
    "prediction-v1-worker-version.json": NEW_PREDICTION,
}
"""Files as this release writes them."""

OTHERS: dict[str, BaseModel] = {
    "dead_letter-v1.json": DEAD_LETTER,
    "dead_letter-v1.msgpack": DEAD_LETTER,
    "job-v1-other-standard-base64.json": JOB,
    "job-v1-other-urlsafe-base64.json": LEAST_JOB,
    "job-v1-other.msgpack": LEAST_JOB,
    "prediction-v1.json": PREDICTION,
}
"""Files as earlier releases or other languages write them."""

NEXT: dict[str, BaseModel] = {
    "dead_letter-v1-next.json": REPLAYED_DEAD_LETTER,
    "dead_letter-v1-next.msgpack": REPLAYED_DEAD_LETTER,
    "prediction-v1-next.json": NEW_PREDICTION,
}
"""Files as a later release may write them: with unknown fields at every level."""

REFUSED = ("job-v1-next.json", "job-v2.json", "job-v2.msgpack")
"""A job with an unknown field, which may be a typing error, and jobs of a later version."""

_JOBS = ("job-v1.json", "job-v1.msgpack", "job-v1-least.json", "job-v1-least.msgpack")
_FIRST = (*_JOBS, "dead_letter-v1.json", "dead_letter-v1.msgpack", "prediction-v1.json")
_SINCE_0_5 = (*_JOBS, "dead_letter-v1-times-dead.json", "dead_letter-v1-times-dead.msgpack")
_SINCE_0_6 = (
    *_SINCE_0_5,
    "dead_letter-v1-traceparent.json",
    "dead_letter-v1-traceparent.msgpack",
    "prediction-v1-worker-version.json",
    "prediction-v1-trace-id.json",
)
WRITTEN_BY = {
    **dict.fromkeys(["0.1.0", "0.2.0", "0.3.0", "0.4.0"], _FIRST),
    "0.5.0": (*_SINCE_0_5, "prediction-v1.json"),
    **dict.fromkeys(["0.6.0", "0.7.0", "0.8.0"], _SINCE_0_6),
    "0.9.0": (*_SINCE_0_6, "prediction-v1-head-probabilities.json"),
}
"""Release -> the files that it writes, to the byte; compared with the code of each release."""
UNRELEASED = ("page-v1.json", "page-v1.msgpack", "page-v1-recordings.json", "page-v1-recordings.msgpack")
"""Files that the next release writes, and none before it."""


def decoded(name: str, value: bytes) -> BaseModel:
    if name.startswith("prediction"):
        return Prediction.model_validate_json(value)
    if name.startswith("page"):
        return decode_page(value)
    return (decode_job if name.startswith("job") else decode_dead_letter)(value)


@pytest.mark.parametrize("name", [*OURS, *OTHERS, *NEXT])
def test_golden_files_are_still_read(name: str) -> None:
    assert decoded(name, (GOLDEN / name).read_bytes()) == (OURS | OTHERS | NEXT)[name]


@pytest.mark.parametrize("name", REFUSED)
def test_job_with_unknown_fields_is_refused(name: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        decode_job((GOLDEN / name).read_bytes())
    assert isinstance(caught.value, UnknownVersion) == ("v2" in name)


def test_golden_files_cover_each_release() -> None:
    releases = re.findall(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert set(WRITTEN_BY) == set(releases), "a new release: say which samples it writes"
    assert {name for names in WRITTEN_BY.values() for name in names} <= {*OURS, *OTHERS}
    assert {*WRITTEN_BY[releases[0]], *UNRELEASED} == set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_encode_is_unchanged_to_the_byte(name: str) -> None:
    assert encode(OURS[name], "msgpack" if name.endswith(".msgpack") else "json") == (GOLDEN / name).read_bytes()


def test_golden_folder_holds_only_known_files() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*OURS, *OTHERS, *NEXT, *REFUSED}


def test_exported_schemas_are_current() -> None:
    files = schema_files()
    assert {path: path.read_text() for path in files} == files, "run python -m schemas.export"
    assert set(next(iter(files)).parent.iterdir()) == set(files)


@pytest.mark.parametrize("name", [name for name in [*OURS, *OTHERS] if name.endswith(".json")])
def test_golden_files_have_the_fields_of_their_schema(name: str) -> None:
    (path,) = (path for path in schema_files() if path.name == f"{name.partition('-')[0]}.schema.json")
    schema = json.loads(path.read_text())
    fields = json.loads((GOLDEN / name).read_bytes())
    assert set(schema["required"]) <= set(fields) <= set(schema["properties"])
    assert ("additionalProperties" in schema) == (schema["title"] in ("Job", "Page"))


def test_exported_schema_describes_base64() -> None:
    for name in EXPORTED:
        text = next(text for path, text in schema_files().items() if path.name == f"{name}.schema.json")
        assert '"binary"' not in text
        assert ("contentEncoding" in text) == (name != "prediction")


def test_prediction_accepts_a_reason_of_a_later_release() -> None:
    later = PREDICTION.model_dump_json().replace("conflict", "of_a_later_release")
    assert Prediction.model_validate_json(later).reasons == ("low_confidence", "of_a_later_release")
