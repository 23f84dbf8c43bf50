"""What a dead letter says of its record: how often its job has been one, and how often the stage was tried."""

from dataclasses import replace

import pytest

from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER
from schemas.errors import InvalidImage
from tests.worker.fakes import NOON, record
from worker import outcomes
from worker.batcher import Decoded


@pytest.mark.parametrize(
    ("headers", "times_dead"),
    [
        ({}, 1),
        ({TIMES_DEAD_HEADER: b"1"}, 2),
        ({TIMES_DEAD_HEADER: b"%d" % MAX_TIMES_DEAD}, MAX_TIMES_DEAD),
        ({TIMES_DEAD_HEADER: b"many"}, 1),
    ],
)
def test_a_dead_letter_counts_on_from_the_replay_that_sent_its_record(
    headers: dict[str, bytes], times_dead: int
) -> None:
    error = InvalidImage("expected a picture")
    decoded = Decoded(replace(record(3, b"value"), headers=headers), 0.0, None, None, error)
    letter = outcomes.dead_letter(decoded, error, NOON, attempts=4)
    assert (letter.times_dead, letter.attempts, letter.original) == (times_dead, 4, b"value")
