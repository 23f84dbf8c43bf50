"""The roster gives back the jobs in order, and reports a full disk."""

from pathlib import Path

import pytest

from producer.roster import Entry, Roster
from schemas.errors import RetriableError

FULL = "/dev/full"


def test_chunks_return_the_entries_in_order() -> None:
    entries = [Entry("a\nb", "1", None), Entry("\udcff", "2", 0), Entry('"é', "3", 9)]
    with Roster() as roster:
        for entry in entries:
            roster.add(entry.sample_id, entry.job_id, entry.label)
        assert len(roster) == 3
        for _ in range(2):
            assert list(roster.chunks(2)) == [entries[:2], entries[2:]]
        roster.close()


@pytest.mark.skipif(not Path(FULL).is_char_device(), reason="needs /dev/full")
def test_full_disk_is_retriable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.roster.tempfile.TemporaryFile", lambda *_, **__: Path(FULL).open("w+"))  # noqa: SIM115
    with Roster() as roster:
        roster.add("a", "b", 1)
        with pytest.raises(RetriableError, match=r"No space left on device; make room, or set TMPDIR"):
            next(roster.chunks(1))
