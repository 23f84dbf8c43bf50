"""Job ids are stable, and differ if anything in the sample differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.jobs import job_id_of, job_of
from producer.sources.sample import Sample
from schemas.identifiers import is_identifier
from tests.producer.fakes import EPOCH

contents = st.none() | st.binary(max_size=8)
any_sample = st.builds(Sample, st.text(max_size=8), contents, contents, st.none() | st.integers(0, 9))
groups = st.text(alphabet="ab:-", min_size=1, max_size=4)


def test_job_id_never_changes() -> None:
    # A changed id would send every job of an unfinished run a second time.
    assert job_id_of(Sample("a", b"image", b"audio", 3), "group") == "49d8b9684b31864940717f0b2fdf0390"
    assert job_id_of(Sample("a", b"image", None, None), "group") == "d49185cec0fe1d013ce33d6d070b8132"


@given(any_sample, groups, any_sample, groups)
def test_job_id_is_equal_only_for_equal_samples_and_groups(a: Sample, a_group: str, b: Sample, b_group: str) -> None:
    assert (job_id_of(a, a_group) == job_id_of(b, b_group)) == ((a, a_group) == (b, b_group))
    assert is_identifier(job_id_of(a, a_group))


@pytest.mark.parametrize(
    "other",
    [
        Sample("b", b"image", b"audio", 3),
        Sample("a", b"imag", b"eaudio", 3),
        Sample("a", b"image", b"audio", None),
        Sample("a", None, b"audio", 3),
        Sample("a", b"", b"audio", 3),
        Sample("a", b"audio", b"image", 3),
    ],
)
def test_job_id_depends_on_every_field(other: Sample) -> None:
    sample = Sample("a", b"image", b"audio", 3)
    assert job_id_of(sample, "group") != job_id_of(other, "group")
    assert job_id_of(sample, "group") != job_id_of(sample, "group2")


def test_job_id_of_a_file_name_that_is_not_utf_8() -> None:
    assert is_identifier(job_id_of(Sample(b"\xff.png".decode(errors="surrogateescape"), b"x", None, None), "g"))


def test_job_holds_the_sample() -> None:
    job = job_of(Sample("a", b"image", None, 3), "id", "group", EPOCH)
    assert (job.job_id, job.group, job.image, job.audio, job.expected, job.created_at) == (
        "id",
        "group",
        b"image",
        None,
        3,
        EPOCH,
    )
