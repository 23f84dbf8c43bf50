"""The fields of dead letters."""

from dataclasses import replace

import pytest

from mmdigit.consuming.dead_letters import make_dead_letter
from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER
from schemas.errors import DecoderFailed, InvalidImage
from schemas.wire import decode_dead_letter, encode
from tests.worker.fakes import NOON, record


def test_dead_letter_error_is_escaped_and_cut() -> None:
    error = DecoderFailed("\x1b[2J\n\ud800" + "x" * 2000)
    letter = make_dead_letter(record(5, b"\xff"), error, NOON, 1)
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
    letter = make_dead_letter(replace(record(3, b"value"), headers=headers), InvalidImage("bad"), NOON, attempts=4)
    assert (letter.times_dead, letter.attempts, letter.original) == (times_dead, 4, b"value")
