"""No record counts as published before it is acknowledged."""

import pytest

from mmdigit.consuming.dead_letters import make_dead_letter
from mmdigit.consuming.publishing import Outgoing, Unacknowledged
from schemas.errors import InvalidImage, TransportError
from schemas.wire import encode
from tests.worker.fakes import NOON, FakePublisher, record


def test_publish_sends_only_what_is_not_acknowledged() -> None:
    publisher = FakePublisher()
    letters = [make_dead_letter(record(n, b"%d" % n), InvalidImage("bad"), NOON, 1) for n in range(3)]
    records = [Outgoing(None, encode(letter, "msgpack")) for letter in letters]
    unacknowledged = Unacknowledged(publisher, records, "letters")
    publisher.lose = 1
    with pytest.raises(TransportError):
        unacknowledged.publish()
    unacknowledged.publish()
    assert [letter.original for letter in publisher.letters] == [b"1", b"2", b"0"]


def test_publish_does_not_trust_a_flush_that_returns() -> None:
    class Silent(FakePublisher):
        def flush(self, timeout_s: float) -> None:
            self._buffer.clear()

    with pytest.raises(TransportError, match="expected all letters acknowledged, got 1"):
        Unacknowledged(Silent(), [Outgoing(None, b"x")], "letters").publish()
