"""A real worker and replays: a job that keeps failing is replayed until --max-times-dead refuses it."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from samples.running import RunningWorker
from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.wire import decode_dead_letter, encode

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BROKEN = Job(job_id="broken", group="g", image=b"not an image", created_at=NOW)
WHOLE = Job(job_id="whole", group="g", image=bytes([0] * 390 + [255] * 4 + [0] * 390), created_at=NOW)


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.docker)])
def jobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    return str(request.getfixturevalue("kafka_topic")(2, with_dead_letters=True))


def replay(jobs_url: str) -> list[int]:
    """The sums of the table: sent, refused, too large, not selected, unreadable."""
    command = [sys.executable, "-m", "worker", "replay", "--from", dead_letter_url(jobs_url), "--to", jobs_url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(cell) for cell in done.stdout.splitlines()[-1].split()[1:]]


def test_replay_refuses_a_job_that_keeps_failing(tmp_path: Path, jobs_url: str) -> None:
    store_url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_publisher(dead_letter_url(jobs_url)) as publisher:  # an earlier worker could not read it
        letter = DeadLetter.model_validate(
            {"original": encode(WHOLE, "msgpack"), "key": b"whole", "job_id": "whole", "group": "g"}
            | {
                "source": {"topic": "jobs", "partition": 0, "offset": 0},
                "reason": "unknown_version",
                "error": "too new",
            }
            | {"first_seen": NOW, "last_seen": NOW}
        )
        publisher.send(letter.key, encode(letter, "msgpack"))
        publisher.flush(10)
    with open_publisher(jobs_url) as publisher:
        publisher.send(b"broken", encode(BROKEN, "msgpack"))
        publisher.flush(10)
    letters: list[DeadLetter] = []
    with (
        RunningWorker(jobs_url, store_url, tmp_path / "worker.log") as worker,
        open_store(store_url) as store,
        open_consumer(dead_letter_url(jobs_url), group="test") as consumer,
    ):
        store.put_dead_letters([letter])
        worker.wait_until_ready()

        def dead(times: int) -> bool:
            letters.extend(decode_dead_letter(record.value) for record in consumer.poll(10, 0.5))
            return [letter.times_dead for letter in letters if letter.job_id == "broken"] == list(range(1, times + 1))

        for times, sent in ((1, 2), (2, 1)):
            until(lambda: dead(times), f"dead letter number {times}")  # noqa: B023
            assert replay(jobs_url) == [sent, 0, 0, 0, 0]
        until(lambda: dead(3), "the last dead letter")
        assert replay(jobs_url) == [0, 1, 0, 0, 0]
        assert replay(jobs_url) == [0, 0, 0, 0, 0]
        assert answered(store)
        assert worker.stop() == 0
    assert {letter.original for letter in letters if letter.job_id == "broken"} == {encode(BROKEN, "msgpack")}
    assert {letter.key for letter in letters} == {b"broken", b"whole"}


def answered(store: PredictionStore) -> bool:
    """Whether the valid job has its prediction, and its dead-letter note is gone."""
    counts = store.counts("g")
    return (
        store.get(["whole"]) != [None]
        and store.dead_letter_reasons(["whole", "broken"]) == [None, "invalid_image"]
        and ((counts.done, counts.dead) == (1, 1))
    )
