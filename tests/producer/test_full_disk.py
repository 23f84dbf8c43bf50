"""A full disk is one clear line, and leaves the producer able to go on later."""

import os
from pathlib import Path

import pytest

from producer.destination import parse_destination
from producer.journal import Journal
from producer.roster import Roster
from schemas.errors import RetriableError

FULL = "/dev/full"

pytestmark = pytest.mark.skipif(not Path(FULL).is_char_device(), reason="needs /dev/full")


def test_a_roster_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.roster.tempfile.TemporaryFile", lambda *_, **__: Path(FULL).open("w+"))  # noqa: SIM115
    with Roster() as roster:
        roster.add("a", "b", 1)
        with pytest.raises(RetriableError, match=r"No space left on device; make room, or set TMPDIR"):
            next(roster.chunks(1))


def test_a_journal_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open(FULL, os.O_RDWR)
    monkeypatch.setattr("producer.journal.os.open", lambda *_: full)
    destination = parse_destination(f"sqlite:///{tmp_path}/queue.db")
    with pytest.raises(RetriableError, match="cannot write the journal"):
        Journal.open(tmp_path, destination, "g", resend=True)
