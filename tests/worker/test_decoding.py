"""decode gives a job and its sample, or the error that dead-letters the record."""

import pytest

from schemas.errors import DecoderFailed, ModelError
from tests.worker.fakes import Clock, image_bytes, job_value, record
from worker import decoding


def test_decode_keeps_the_order_of_good_and_bad_records() -> None:
    values = [job_value("a", image_bytes(200)), b"not a job", job_value("b", b"not an image"), job_value("c")]
    decoded = decoding.decode([record(n, value) for n, value in enumerate(values)], Clock(), attempt=2)
    assert [each.record.offset for each in decoded] == [0, 1, 2, 3]
    assert [each.error.reason if each.error else None for each in decoded] == [
        None,
        "invalid_record",
        "invalid_image",
        None,
    ]
    assert [each.job.job_id if each.job else None for each in decoded] == ["a", None, "b", "c"]
    assert [each.sample is not None for each in decoded] == [True, False, False, True]
    assert [each.decodings for each in decoded] == [1, 2, 2, 1]


@pytest.mark.parametrize(("raised", "expected"), [(ZeroDivisionError("x"), None), (MemoryError(), ModelError)])
def test_decode_blames_the_job_for_any_error_but_memory(
    raised: Exception, expected: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(value: bytes) -> None:
        raise raised

    monkeypatch.setattr(decoding, "decode_job", fail)
    if expected:
        with pytest.raises(expected, match="give the worker more"):
            decoding.decode([record(0, b"")], Clock())
    else:
        [decoded] = decoding.decode([record(0, b"")], Clock())
        assert isinstance(decoded.error, DecoderFailed)
        assert "ZeroDivisionError" in str(decoded.error)


def test_chunks_cover_all_records_in_order() -> None:
    records = [record(n, b"") for n in range(100)]
    chunks = list(decoding.chunks(records))
    assert [each for chunk in chunks for each in chunk] == records
    assert max(map(len, chunks)) < 100
