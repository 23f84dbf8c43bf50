"""Replays of dead letters, on SQLite and on a real Kafka broker: what is sent, what is left, what is remembered."""

import signal
import subprocess
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
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher
from schemas.dead_letter import TIMES_DEAD_HEADER, DeadLetter
from schemas.trace import trace_headers
from schemas.wire import encode
from tests.contract.conftest import DOCKER, Read
from tests.factories import CREATED_AT, make_dead_letter
from tests.schemas.samples import TRACEPARENT
from worker.replay.command import POLL_RECORDS, replay


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=DOCKER)])
def jobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new topic of jobs, beside one of dead letters, each with two partitions where there are partitions."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    return str(request.getfixturevalue("kafka_topic")(2, with_dead_letters=True))


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """As they were: a replay in this process takes them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def letter(number: int, reason: str = "invalid_image", **fields: object) -> DeadLetter:
    key = f"key-{number}".encode()
    return make_dead_letter(number, reason=reason).model_copy(
        update={"original": b"\xff%d" % number, "key": key} | fields
    )


def bury(jobs_url: str, *letters: DeadLetter | bytes) -> None:
    """Write dead letters as the worker does."""
    with open_publisher(dead_letter_url(jobs_url)) as publisher:
        for buried in letters:
            value = buried if isinstance(buried, bytes) else encode(buried, "msgpack")
            publisher.send(None if isinstance(buried, bytes) else buried.key, value)
        publisher.flush(30)


Run = Callable[..., tuple[int, dict[str, list[int]]]]


@pytest.fixture
def run(jobs_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """run(*options): the exit code, and the numbers of each row of the table."""

    def run(*options: str) -> tuple[int, dict[str, list[int]]]:
        arguments = ["--from", dead_letter_url(jobs_url), "--to", jobs_url, *options]
        code = run_program("replay", replay, arguments)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        return code, {name: [int(cell) for cell in cells] for name, *cells in rows}

    return run


@contextmanager
def reader(jobs_url: str, read: Read) -> Iterator[Callable[[int], list[Record]]]:
    """take(n): the next n jobs, sorted by value, after which there are no more."""
    with open_consumer(jobs_url, group="test") as consumer:

        def take(count: int) -> list[Record]:
            records = read(consumer, count)
            until(lambda: consumer.lag() and not any(consumer.lag().values()), 30, "the end of the jobs")
            records += consumer.poll(1000, 0.1)
            assert len(records) == count
            return sorted(records, key=lambda record: record.value)

        yield take


def test_originals_go_back_with_their_key_count_and_trace_and_only_once(jobs_url: str, run: Run, read: Read) -> None:
    letters = [letter(n, times_dead=1 + n % 2) for n in range(4)]
    letters.append(letter(4, traceparent=TRACEPARENT))
    bury(jobs_url, *letters)
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


def test_what_a_selection_passes_by_is_there_for_every_other(jobs_url: str, run: Run, read: Read) -> None:
    late = CREATED_AT + timedelta(hours=1)
    since = ("--since", late.isoformat())
    bury(jobs_url, letter(0), letter(1, "invalid_audio"), letter(2), letter(3, "invalid_audio", last_seen=late))
    with reader(jobs_url, read) as take:
        code, rows = run("--reason", "invalid_audio")
        assert (code, rows["invalid_audio"], rows["invalid_image"]) == (0, [2, 0, 0, 0, 0], [0, 0, 0, 2, 0])
        assert [job.value for job in take(2)] == [b"\xff1", b"\xff3"]
        assert run("--reason", "invalid_audio")[1] == {"total": [0] * 5}
        assert run(*since)[1]["total"] == [1, 0, 0, 3, 0]
        assert run("--reason", "invalid_image")[1]["total"] == [2, 0, 0, 2, 0]
        assert [job.value for job in take(3)] == [b"\xff0", b"\xff2", b"\xff3"]
        bury(jobs_url, letter(4, "invalid_audio"))
        assert run("--reason", "invalid_audio")[1]["total"] == [1, 0, 0, 0, 0]
        assert run()[1]["total"] == [5, 0, 0, 0, 0]
        assert len(take(6)) == 6


def test_a_limit_ends_a_run_and_the_next_one_goes_on(jobs_url: str, run: Run, read: Read) -> None:
    bury(jobs_url, *(letter(n, "invalid_audio" if n % 2 else "invalid_image") for n in range(10)))
    limited = ("--reason", "invalid_audio", "--limit", "2")
    assert [run(*limited)[1]["total"][0] for _ in range(4)] == [2, 2, 1, 0]
    with reader(jobs_url, read) as take:
        assert [job.value for job in take(5)] == [b"\xff%d" % n for n in range(1, 10, 2)]


def test_a_job_that_was_dead_too_often_stays(jobs_url: str, run: Run, read: Read) -> None:
    bury(jobs_url, letter(1, times_dead=2), letter(2, times_dead=3), letter(3, times_dead=1000))
    assert run() == (0, {"invalid_image": [1, 2, 0, 0, 0], "total": [1, 2, 0, 0, 0]})
    with reader(jobs_url, read) as take:
        assert [job.value for job in take(1)] == [b"\xff1"]
        assert run("--max-times-dead", "4")[1]["total"] == [2, 1, 0, 0, 0]
        assert [job.value for job in take(2)] == [b"\xff1", b"\xff2"]


def test_a_dry_run_counts_and_changes_nothing(jobs_url: str, run: Run, read: Read) -> None:
    bury(jobs_url, letter(1), letter(2, "invalid_audio"), letter(3, times_dead=3))
    for _ in range(2):
        assert run("--dry-run", "--limit", "2")[1]["total"][0] == 2
        assert run("--dry-run")[1]["total"] == [2, 1, 0, 0, 0]
    with open_consumer(jobs_url, group="test") as consumer:
        assert consumer.poll(10, 0.1) == []
    assert run()[1]["total"] == [2, 1, 0, 0, 0]


def test_what_is_no_dead_letter_is_named_and_stops_nothing(
    jobs_url: str, run: Run, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(jobs_url, letter(1), b"\x1b[31mhostile", b"", letter(2))
    code, rows = run()
    assert (code, rows["-"], rows["invalid_image"]) == (1, [0, 0, 0, 0, 2], [2, 0, 0, 0, 0])
    with reader(jobs_url, read) as take:
        assert len(take(2)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_replay_goes_on(
    jobs_url: str, run: Run, read: Read, child_environment: dict[str, str], number: signal.Signals
) -> None:
    letters = 4_000  # so many batches that it is still at work when the first jobs are seen
    bury(jobs_url, *(letter(n, original=b"%04d" % n + bytes(5_000)) for n in range(letters)))
    command = [sys.executable, "-m", "worker", "replay", "--from", dead_letter_url(jobs_url), "--to", jobs_url]
    child = subprocess.Popen(command, env=child_environment, stdout=subprocess.PIPE, text=True)
    with open_consumer(jobs_url, group="test") as consumer:
        sent = read(consumer, 1)
        child.send_signal(number)
        said, _ = child.communicate(timeout=30)
        if number == signal.SIGKILL:
            until(lambda: run()[1]["total"][0], 60, "the partitions of the one that was killed")
        else:
            assert child.returncode == 130
            earlier = int(said.splitlines()[-1].split()[1])
            assert POLL_RECORDS <= earlier < letters, "it ended before it was interrupted"
            assert run()[1]["total"][0] == letters - earlier
        while records := consumer.poll(1000, 1.0):
            sent += records
    times = Counter(record.value[:4] for record in sent)
    assert set(times) == {b"%04d" % n for n in range(letters)}
    assert times.total() <= letters + (POLL_RECORDS if number == signal.SIGKILL else 0)


def test_a_queue_file_keeps_what_a_selection_passed_by(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    bury(url, *(letter(n) for n in range(5)))
    assert replay(["--from", dead_letter_url(url), "--to", url, "--reason", "invalid_audio"]) == 0
    with SqliteConsumer(tmp_path / "queue.db", "jobs.dead", "reader", retained_bytes=0) as reader:
        reader.poll(1, 0)
        reader.commit({TopicPartition("jobs.dead", 0): 5})  # a commit trims what every group has read
    assert replay(["--from", dead_letter_url(url), "--to", url]) == 0
    with open_consumer(url, group="test") as consumer:
        assert len(consumer.poll(10, 0)) == 5
