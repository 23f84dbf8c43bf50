"""The fields of dead letters, and that none counts as sent before it is acknowledged."""

from dataclasses import replace

import pytest

from mmdigit.consuming.dead_letters import Unacknowledged, make_dead_letter
from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER
from schemas.errors import DecoderFailed, InvalidImage, TransportError
from schemas.wire import decode_dead_letter, encode
from tests.worker.fakes import NOON, FakePublisher, record


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


def test_publish_sends_only_what_is_not_acknowledged() -> None:
    publisher = FakePublisher()
    letters = [make_dead_letter(record(n, b"%d" % n), InvalidImage("bad"), NOON, 1) for n in range(3)]
    unacknowledged = Unacknowledged(publisher, letters)
    publisher.lose = 1
    with pytest.raises(TransportError):
        unacknowledged.publish()
    unacknowledged.publish()
    assert [letter.original for letter in publisher.letters] == [b"1", b"2", b"0"]
