"""Replays on SQLite and on a real Kafka broker: what they send, skip and remember."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.settings.program import run_program
from mmdigit.transport.ports import Record, TopicPartition
from mmdigit.transport.sqlite.consumer import SqliteConsumer
from mmdigit.transport.urls import dead_letter_url, open_consumer
from schemas.dead_letter import TIMES_DEAD_HEADER
from schemas.trace import trace_headers
from tests.adapters import Read
from tests.factories import CREATED_AT
from tests.processes import Start
from tests.schemas.samples import TRACEPARENT
from tests.worker.replay.dead_letters import letter, publish
from worker.replay.command import POLL_RECORDS, replay

Run = Callable[..., tuple[int, dict[str, list[int]]]]


@pytest.fixture
def run(jobs_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """run(*options): the exit code, and the numbers in each row of the table."""

    def run(*options: str) -> tuple[int, dict[str, list[int]]]:
        arguments = ["--from", dead_letter_url(jobs_url), "--to", jobs_url, *options]
        code = run_program("replay", replay, arguments)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        return code, {name: [int(cell) for cell in cells] for name, *cells in rows}

    return run


@contextmanager
def reader(jobs_url: str, read: Read) -> Iterator[Callable[[int], list[Record]]]:
    """take(n): the n jobs left in the topic, sorted by value."""
    with open_consumer(jobs_url, group="test") as consumer:

        def take(count: int) -> list[Record]:
            records = read(consumer, count)
            until(lambda: consumer.lag() and not any(consumer.lag().values()), "the end of the jobs")
            records += consumer.poll(1000, 0.1)
            assert len(records) == count
            return sorted(records, key=lambda record: record.value)

        yield take


def all_jobs(jobs_url: str) -> list[bytes]:
    """Every job of the topic."""
    jobs: list[bytes] = []

    def read_to_the_end() -> bool:
        jobs.extend(record.value for record in consumer.poll(1000, 0.5))
        lag = consumer.lag()
        return bool(lag) and lag.keys() == consumer.assignment() and not any(lag.values())

    with open_consumer(jobs_url, group="all") as consumer:
        until(read_to_the_end, "the end of the jobs")
    return jobs


def test_replay_sends_originals_once_with_key_count_and_trace(jobs_url: str, run: Run, read: Read) -> None:
    letters = [letter(n, times_dead=1 + n % 2) for n in range(4)]
    letters.append(letter(4, traceparent=TRACEPARENT))
    publish(jobs_url, *letters)
    assert run() == (0, {"invalid_image": [5, 0, 0, 0, 0], "total": [5, 0, 0, 0, 0]})
    assert run() == (0, {"total": [0, 0, 0, 0, 0]})
    with reader(jobs_url, read) as take:
        assert [(job.value, job.key, job.headers) for job in take(5)] == [
            (
                b"\xff%d" % n,
                b"key-%d" % n,
                {TIMES_DEAD_HEADER: b"%d" % (1 + n % 2)} | (trace_headers(TRACEPARENT) if n == 4 else {}),
            )
            for n in range(5)
        ]


def test_selection_leaves_other_dead_letters_for_later_runs(jobs_url: str, run: Run, read: Read) -> None:
    late = CREATED_AT + timedelta(hours=1)
    since = ("--since", late.isoformat())
    publish(jobs_url, letter(0), letter(1, "invalid_audio"), letter(2), letter(3, "invalid_audio", last_seen=late))
    with reader(jobs_url, read) as take:
        code, rows = run("--reason", "invalid_audio")
        assert (code, rows["invalid_audio"], rows["invalid_image"]) == (0, [2, 0, 0, 0, 0], [0, 0, 0, 2, 0])
        assert [job.value for job in take(2)] == [b"\xff1", b"\xff3"]
        assert run("--reason", "invalid_audio")[1] == {"total": [0] * 5}
        assert run(*since)[1]["total"] == [1, 0, 0, 3, 0]
        assert run("--reason", "invalid_image")[1]["total"] == [2, 0, 0, 2, 0]
        assert [job.value for job in take(3)] == [b"\xff0", b"\xff2", b"\xff3"]
        publish(jobs_url, letter(4, "invalid_audio"))
        assert run("--reason", "invalid_audio")[1]["total"] == [1, 0, 0, 0, 0]
        assert run()[1]["total"] == [5, 0, 0, 0, 0]
        assert len(take(6)) == 6


def test_limit_ends_a_run_and_the_next_one_continues(jobs_url: str, run: Run, read: Read) -> None:
    publish(jobs_url, *(letter(n, "invalid_audio" if n % 2 else "invalid_image") for n in range(10)))
    limited = ("--reason", "invalid_audio", "--limit", "2")
    assert [run(*limited)[1]["total"][0] for _ in range(4)] == [2, 2, 1, 0]
    with reader(jobs_url, read) as take:
        assert [job.value for job in take(5)] == [b"\xff%d" % n for n in range(1, 10, 2)]


def test_max_times_dead_refuses_a_job(jobs_url: str, run: Run, read: Read) -> None:
    publish(jobs_url, letter(1, times_dead=2), letter(2, times_dead=3), letter(3, times_dead=1000))
    assert run() == (0, {"invalid_image": [1, 2, 0, 0, 0], "total": [1, 2, 0, 0, 0]})
    with reader(jobs_url, read) as take:
        assert [job.value for job in take(1)] == [b"\xff1"]
        assert run("--max-times-dead", "4")[1]["total"] == [2, 1, 0, 0, 0]
        assert [job.value for job in take(2)] == [b"\xff1", b"\xff2"]


def test_dry_run_counts_and_changes_nothing(jobs_url: str, run: Run, read: Read) -> None:
    publish(jobs_url, letter(1), letter(2, "invalid_audio"), letter(3, times_dead=3))
    for _ in range(2):
        assert run("--dry-run", "--limit", "2")[1]["total"][0] == 2
        assert run("--dry-run")[1]["total"] == [2, 1, 0, 0, 0]
    with open_consumer(jobs_url, group="test") as consumer:
        assert consumer.poll(10, 0.1) == []
    assert run()[1]["total"] == [2, 1, 0, 0, 0]


def test_replay_continues_after_unreadable_records(
    jobs_url: str, run: Run, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(jobs_url, letter(1), b"\x1b[31mhostile", b"", letter(2))
    code, rows = run()
    assert (code, rows["-"], rows["invalid_image"]) == (1, [0, 0, 0, 0, 2], [2, 0, 0, 0, 0])
    with reader(jobs_url, read) as take:
        assert len(take(2)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_replay_continues_after_an_interruption(
    jobs_url: str, run: Run, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    letters, held = 5 * POLL_RECORDS, tmp_path / "held"
    publish(jobs_url, *(letter(n, original=b"%04d" % n) for n in range(letters)))
    program = ["-m", "tests.worker.replay.held_replay", str(held)]
    child = start([sys.executable, *program, "--from", dead_letter_url(jobs_url), "--to", jobs_url], stdout=-1)
    until(held.exists, "the second batch sent and not committed")
    child.send_signal(number)
    if number == signal.SIGKILL:
        child.wait()
        until(lambda: run()[1]["total"][0], "the partitions of the one that was killed")
        again = POLL_RECORDS
    else:
        held.unlink()
        said, _ = child.communicate()
        assert child.returncode == 130
        earlier = int(said.splitlines()[-1].split()[1])
        assert 1 < earlier < letters
        assert run() == (0, {name: [letters - earlier, 0, 0, 0, 0] for name in ("invalid_image", "total")})
        again = 0
    times = Counter(all_jobs(jobs_url))
    assert set(times) == {b"%04d" % n for n in range(letters)}
    assert times.total() <= letters + again


def test_selection_does_not_trim_a_queue_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    publish(url, *(letter(n) for n in range(5)))
    assert replay(["--from", dead_letter_url(url), "--to", url, "--reason", "invalid_audio"]) == 0
    with SqliteConsumer(tmp_path / "queue.db", "jobs.dead", "reader", retained_bytes=0) as reader:
        reader.poll(1, 0)
        reader.commit({TopicPartition("jobs.dead", 0): 5})  # a commit trims what every group has read
    assert replay(["--from", dead_letter_url(url), "--to", url]) == 0
    with open_consumer(url, group="test") as consumer:
        assert len(consumer.poll(10, 0)) == 5
