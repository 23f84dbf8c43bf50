"""The fields of predictions and dead letters: version, error, attempts and times_dead."""

from dataclasses import replace

import pytest

from schemas import VERSION
from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER
from schemas.errors import DecoderFailed, InvalidImage
from schemas.wire import decode_dead_letter, encode
from tests.factories import make_job
from tests.worker.fakes import NOON, answer, record
from worker.batcher import Decoded
from worker.outcomes import make_dead_letter, make_prediction


def test_prediction_names_its_worker_version() -> None:
    job = make_job(5)
    decoded = Decoded(record(5, encode(job, "msgpack")), 0.0, job, None, None, 0.0)
    assert make_prediction(decoded, answer(5), NOON, 0.0, 0.0, 1).worker_version == VERSION


def test_dead_letter_error_is_escaped_and_cut() -> None:
    error = DecoderFailed("\x1b[2J\n\ud800" + "x" * 2000)
    letter = make_dead_letter(Decoded(record(5, b"\xff"), 0.0, None, None, error, 0.0), error, NOON, 1)
    assert letter.error.startswith(r"\x1b[2J\n\ud800xx")
    assert letter.error.isprintable()
    assert len(letter.error) <= 1000
    assert decode_dead_letter(encode(letter, "msgpack")) == decode_dead_letter(encode(letter, "json")) == letter


@pytest.mark.parametrize(
    ("headers", "times_dead"),
    [
        ({}, 1),
        ({TIMES_DEAD_HEADER: b"1"}, 2),
        ({TIMES_DEAD_HEADER: b"%d" % MAX_TIMES_DEAD}, MAX_TIMES_DEAD),
        ({TIMES_DEAD_HEADER: b"many"}, 1),
    ],
)
def test_times_dead_continues_after_a_replay(headers: dict[str, bytes], times_dead: int) -> None:
    error = InvalidImage("expected an image")
    decoded = Decoded(replace(record(3, b"value"), headers=headers), 0.0, None, None, error, 0.0)
    letter = make_dead_letter(decoded, error, NOON, attempts=4)
    assert (letter.times_dead, letter.attempts, letter.original) == (times_dead, 4, b"value")
