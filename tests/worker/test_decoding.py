"""Decoding of polled records: each keeps its place, and each failure is its own."""

import logging

import pytest

from mmdigit.reading.batch_decoding import CHUNK_SIZE
from schemas.errors import DecoderFailed, InvalidJob, ModelError
from tests.worker.fakes import Clock, job_value, record
from worker import decoding


def test_chunks_hold_every_record_once() -> None:
    records = [record(n, b"") for n in range(2 * CHUNK_SIZE + 1)]
    chunks = list(decoding.chunks(records))
    assert [len(chunk) for chunk in chunks] == [CHUNK_SIZE, CHUNK_SIZE, 1]
    assert [one for chunk in chunks for one in chunk] == records


def test_each_record_keeps_its_place_and_its_own_failure() -> None:
    records = [record(0, job_value("a")), record(1, b"no job"), record(2, job_value("b", b"no image"))]
    good, no_job, no_image = decoding.decode(records, Clock())
    assert [one.record for one in (good, no_job, no_image)] == records
    assert good.job is not None
    assert good.job.job_id == "a"
    assert good.sample is not None
    assert good.error is None
    assert (no_job.job, no_job.sample) == (None, None)
    assert no_image.job is not None
    assert no_image.sample is None
    for failed in (no_job, no_image):
        assert isinstance(failed.error, InvalidJob)


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """The error that decoding a job raises."""
    errors: list[Exception] = []

    def decode_job(value: bytes) -> object:
        raise errors[0]

    monkeypatch.setattr(decoding, "decode_job", decode_job)
    return errors


def test_unforeseen_error_fails_its_job_alone_and_is_logged(
    fails_with: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    fails_with.append(ZeroDivisionError("by zero"))
    [failed] = decoding.decode([record(5, b"")], Clock())
    assert isinstance(failed.error, DecoderFailed)
    assert "ZeroDivisionError: by zero" in str(failed.error)
    [line] = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert vars(line)["offset"] == 5


def test_short_memory_is_no_fault_of_the_job(fails_with: list[Exception]) -> None:
    fails_with.append(MemoryError())
    with pytest.raises(ModelError, match="memory"):
        decoding.decode([record(0, b"")], Clock())
