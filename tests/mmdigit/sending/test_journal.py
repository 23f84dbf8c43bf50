"""The journal: what it keeps over crashes, and what it refuses."""

import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdigit.sending.destination import Destination, parse_destination
from mmdigit.sending.journal import Journal
from schemas.errors import RetriableError, SettingsError

TOPIC = Destination("kafka://broker:9092/jobs", is_new=False)
job_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)


def ids(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(count)]


def write(folder: Path, acknowledged: list[str]) -> Path:
    with Journal.open(folder, TOPIC, "group") as journal:
        for job_id in acknowledged:
            journal.acknowledge(job_id)
    return journal.path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(job_ids, max_size=20), st.lists(job_ids, max_size=20))
def test_journal_remembers_acknowledged_jobs(tmp_path: Path, acknowledged: list[str], others: list[str]) -> None:
    write(tmp_path, []).unlink()
    write(tmp_path, acknowledged)
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        assert len(journal) == len(set(acknowledged))
        assert all(job_id in journal for job_id in acknowledged)
        assert [job_id in journal for job_id in others] == [job_id in acknowledged for job_id in others]


def test_journal_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    path = write(tmp_path, ids(3))
    whole = path.read_bytes()
    header_bytes = len(whole) - 3 * 33
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        kept = max(0, (length - header_bytes) // 33)
        with Journal.open(tmp_path, TOPIC, "group") as journal:
            assert [job_id in journal for job_id in ids(3)] == [number < kept for number in range(3)]
            journal.acknowledge(ids(5)[4])
        # Later lines do not join the torn one.
        assert path.read_bytes() == whole[: header_bytes + 33 * kept] + f"{ids(5)[4]}\n".encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_journal_ignores_damaged_lines(tmp_path: Path, rubbish: bytes) -> None:
    path = write(tmp_path, [])
    path.write_bytes(path.read_bytes() + b"".join(f"{job_id}\n".encode() for job_id in ids(2)) + b"\n" + rubbish)
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        assert all(job_id in journal for job_id in ids(2))
    path.unlink()


def test_open_empties_it_for_resend_or_a_new_destination(tmp_path: Path) -> None:
    write(tmp_path, ids(3))
    with Journal.open(tmp_path, Destination(TOPIC.name, is_new=True), "group") as journal:
        assert len(journal) == 0
    write(tmp_path, ids(3))
    with Journal.open(tmp_path, TOPIC, "group", resend=True) as journal:
        assert len(journal) == 0
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        assert len(journal) == 0


def test_journal_differs_by_group_and_destination(tmp_path: Path) -> None:
    write(tmp_path, ids(3))
    for destination, group in ((TOPIC, "group2"), (Destination("kafka://broker:9092/jobs2", is_new=False), "group")):
        with Journal.open(tmp_path, destination, group) as journal:
            assert len(journal) == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda content: content.replace(b'"group"', b'"other"', 1), "a file that is not a journal"),
        (lambda content: content.replace(b': "group"', b': "other"', 1), "the journal of group other"),
        (lambda content: content.replace(b'"version": 1', b'"version": 2'), "a journal of version 2"),
        (lambda content: b"once upon a time\n" + content, "a file that is not a journal"),
        (lambda content: b"\x00" * 10_000, "a file that is not a journal"),
        (lambda content: b"[" * 4000 + b"\n", "a file that is not a journal"),
        (lambda content: b'{"format": "mmdigit-journal", "version": "\x1b[2J"}\n', "a file that is not a journal"),
    ],
)
def test_open_refuses_another_file_under_the_same_name(
    tmp_path: Path, change: Callable[[bytes], bytes], what: str
) -> None:
    path = write(tmp_path, ids(3))
    changed = change(path.read_bytes())
    path.write_bytes(changed)
    with pytest.raises(SettingsError, match=f"expected this group's journal of version 1 at .*, got {what}"):
        Journal.open(tmp_path, TOPIC, "group")
    assert path.read_bytes() == changed


@pytest.mark.parametrize("n_bytes", [2_000_000, 10 * 2**30])
def test_open_refuses_an_endless_line(tmp_path: Path, n_bytes: int) -> None:
    path = write(tmp_path, ids(3))
    before = path.stat().st_size
    os.truncate(path, before + n_bytes)  # a sparse file of zeros takes no disk space
    with pytest.raises(SettingsError, match=r"one job id a line|at most 20000000 jobs"):
        Journal.open(tmp_path, TOPIC, "group")
    assert path.stat().st_size == before + n_bytes


def test_open_removes_what_a_power_cut_leaves(tmp_path: Path) -> None:
    path = write(tmp_path, ids(3))
    whole = path.stat().st_size
    os.truncate(path, whole + 33_000)
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        assert len(journal) == 3
    assert path.stat().st_size == whole


def test_journal_is_private_and_never_a_link_or_a_pipe(tmp_path: Path) -> None:
    path = write(tmp_path / "made", ids(3))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    write(tmp_path / "made", ids(4))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    plants: list[Callable[[], object]] = [lambda: path.symlink_to(victim), lambda: os.mkfifo(path), path.mkdir]
    for plant in plants:
        path.unlink()
        plant()
        with pytest.raises(SettingsError, match="expected a regular file"):
            Journal.open(path.parent, TOPIC, "group", resend=True)
    assert victim.read_text() == "theirs"


def test_open_refuses_a_second_producer_of_a_group(tmp_path: Path) -> None:
    with Journal.open(tmp_path, TOPIC, "group"), pytest.raises(SettingsError, match="another producer"):
        Journal.open(tmp_path, TOPIC, "group")
    Journal.open(tmp_path, TOPIC, "group").close()


def test_folder_that_cannot_be_created_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--journal-dir"):
        Journal.open(tmp_path / "file", TOPIC, "group")


def test_acknowledge_works_from_other_threads(tmp_path: Path) -> None:
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        threads = [
            threading.Thread(target=lambda part=part: deque(map(journal.acknowledge, part)))
            for part in (ids(1000)[:500], ids(1000)[500:])
        ]
        for thread in threads:
            thread.start()
        while journal.acknowledged < 1000:
            journal.write()
        for thread in threads:
            thread.join()
        assert journal.acknowledged == 1000
    with Journal.open(tmp_path, TOPIC, "group") as journal:
        assert len(journal) == 1000


def test_close_twice_is_safe(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, TOPIC, "group")
    journal.acknowledge(ids(1)[0])
    assert (journal.acknowledged, journal.unwritten) == (1, 1)
    journal.write()
    assert (journal.acknowledged, journal.unwritten) == (1, 0)
    journal.close()
    journal.close()


def test_write_to_a_full_disk_is_retriable(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    with full.open("r+b", buffering=0) as file:
        journal = Journal(tmp_path / "journal", file, set())
        journal.acknowledge(ids(1)[0])
        with pytest.raises(RetriableError, match="No space left"):
            journal.write()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_open_on_a_full_disk_is_retriable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    monkeypatch.setattr("mmdigit.sending.journal.os.open", lambda *_: full)
    destination = parse_destination(f"sqlite:///{tmp_path}/queue.db")
    with pytest.raises(RetriableError, match="cannot write the journal"):
        Journal.open(tmp_path, destination, "g", resend=True)
