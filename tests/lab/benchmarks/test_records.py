"""Records made from templates are the jobs they claim to be."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from lab.kit.records import ID_CHARACTERS, Template, job_id_of, read_samples, records
from producer.sources.sample import Sample
from schemas.errors import DataError
from schemas.wire import Wire, decode_job

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)  # no microseconds: isoformat alone would leave them out
# Bytes that look like what a template puts its id and its moment in place of.
LOOKALIKE = b"i" * 30 + b"2001-02-03T04:05:06.789123+00:00"


@pytest.mark.parametrize("wire", get_args(Wire))
def test_a_template_gives_the_job_with_the_id_and_the_moment(wire: Wire) -> None:
    job_id = job_id_of("group", 7)
    for sample in (Sample("a", LOOKALIKE, LOOKALIKE, 3), Sample("b", None, b"\x00\xff", None)):
        job = decode_job(Template.of(sample, "group", wire).record(job_id, MOMENT))
        assert (job.job_id, job.group, job.created_at) == (job_id, "group", MOMENT)
        assert (job.image, job.audio, job.expected) == (sample.image, sample.audio, sample.label)


def test_ids_have_one_length_and_are_not_repeated() -> None:
    ids = [job_id_of("benchmark", number) for number in (0, 9, 10, 1_000_000)]
    assert {len(job_id) for job_id in ids} == {ID_CHARACTERS}
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("wire", get_args(Wire))
def test_more_jobs_than_samples_are_the_samples_over_and_over(wire: Wire) -> None:
    samples = read_samples(None, 3)
    made = [(job_id, decode_job(value)) for job_id, value in records(samples, 7, "benchmark", wire)]
    assert [job_id for job_id, _ in made] == [job.job_id for _, job in made]
    assert len({job_id for job_id, _ in made}) == 7
    assert [job.image for _, job in made] == [samples[number % 3].image for number in range(7)]


def test_data_that_are_not_there_are_one_line(tmp_path: object) -> None:
    with pytest.raises(DataError, match="MNIST"):
        read_samples(tmp_path, 3)  # type: ignore[arg-type]
