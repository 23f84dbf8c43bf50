"""An upgrade with mixed traffic: a worker of this release and one of the next, on one queue and one store."""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import pytest

from lab.kit.polling import until
from mmdigit.transport.encoding import decode_prediction
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from samples.running import RunningWorker
from schemas import VERSION
from schemas.wire import decode_dead_letter, encode
from tests.conftest import KafkaTopic
from tests.worker import next_worker
from tests.worker.fakes import image_bytes
from tests.worker.next_worker import NextDeadLetter, NextJob, next_read

NEXT = (sys.executable, "-m", "tests.worker.next_worker")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
JOBS = 60
"""Half of them have version 2: too few to open the breaker."""

_VALUES = {table: f"SELECT prediction FROM {table}" for table in ("predictions", "feed")}  # noqa: S608


class Traffic:
    """Jobs of both versions, half each, and one record a round that no worker can read."""

    def __init__(self, jobs_url: str) -> None:
        self._jobs_url = jobs_url
        self.old: list[str] = []
        self.new: list[str] = []

    def send(self) -> None:
        with open_publisher(self._jobs_url) as publisher:
            for number in range(JOBS):
                version, job_ids = (2, self.new) if number % 2 else (1, self.old)
                job_ids.append(f"v{version}-{len(job_ids)}")
                job = NextJob(version=version, job_id=job_ids[-1], image=image_bytes(200), created_at=NOW)
                if version == 2:
                    job = job.model_copy(update={"pen": "ball"})
                publisher.send(job.job_id.encode(), encode(job, "msgpack" if number % 4 < 2 else "json"))
            publisher.send(None, b"no job at all")
            publisher.flush(30)


def answered(store: PredictionStore, job_ids: Iterable[str]) -> dict[str, str | None]:
    """Job -> the version of the worker that answered it, for each answered job."""
    return {found.job_id: found.worker_version for found in store.get(list(job_ids)) if found is not None}


def dead_letters(jobs_url: str, count: int) -> list[bytes]:
    """The records of the dead letters, once there are that many."""
    values: list[bytes] = []
    with open_consumer(dead_letter_url(jobs_url), group="test") as consumer:

        def read() -> bool:
            values.extend(record.value for record in consumer.poll(1000, 0.5))
            return len(values) >= count

        until(read, f"{count} dead letters")
    return values


def reasons(values: list[bytes]) -> Counter[str]:
    """Dead letters, each readable by this release and the next."""
    read = [decode_dead_letter(value) for value in values]
    for letter, value in zip(read, values, strict=True):
        assert NextDeadLetter.model_validate(msgpack.unpackb(value)).original == letter.original
    return Counter(letter.reason for letter in read)


def replayed(jobs_url: str) -> int:
    """How many jobs a replay of unknown_version sent."""
    options = ["--from", dead_letter_url(jobs_url), "--to", jobs_url, "--reason", "unknown_version"]
    done = subprocess.run(
        [sys.executable, "-m", "worker", "replay", *options], check=True, capture_output=True, text=True
    )
    return int(done.stdout.splitlines()[-1].split()[1])


def both_read_every_prediction(path: Path) -> int:
    """How many predictions the file holds, each readable by this release and the next."""
    with closing(sqlite3.connect(path)) as file:
        values = [bytes(value) for (value,) in file.execute("SELECT prediction FROM predictions")]
    for value in values:
        old, new = decode_prediction(value), next_read(value)
        assert (old.job_id, old.label, old.worker_version) == (new.job_id, new.label, new.worker_version)
    return len(values)


@pytest.mark.docker
def test_two_releases_side_by_side_read_each_other(tmp_path: Path, kafka_topic: KafkaTopic) -> None:
    jobs_url, path = kafka_topic(2, with_dead_letters=True), tmp_path / "store.db"
    traffic, store_url = Traffic(jobs_url), f"sqlite:///{path}"
    with open_store(store_url) as store:
        with (
            RunningWorker(jobs_url, store_url, tmp_path / "next.log", launcher=NEXT) as newer,
            RunningWorker(jobs_url, store_url, tmp_path / "old.log") as older,
        ):
            for worker in (newer, older):
                worker.wait_until_ready()
            for worker in (newer, older):
                until(lambda: worker.scrape().value("mmdigit_assigned_partitions") == 1, "a partition each")  # noqa: B023
            traffic.send()
            until(lambda: len(answered(store, traffic.old)) == JOBS // 2, "every job of version 1")
            assert older.stop() == 0
            newer.wait_until_assigned()
            sent = replayed(jobs_url)
            until(lambda: len(answered(store, traffic.new)) == JOBS // 2, "every job of version 2")
            assert newer.stop() == 0
        assert set(answered(store, traffic.old).values()) == {VERSION, next_worker.VERSION}
        assert set(answered(store, traffic.new).values()) == {next_worker.VERSION}
    assert sent > 0
    assert reasons(dead_letters(jobs_url, sent + 1)) == {"unknown_version": sent, "invalid_record": 1}
    assert both_read_every_prediction(path) == JOBS


def test_rollback_answers_older_jobs_and_keeps_newer_ones(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    url = f"sqlite:///{path}"
    traffic = Traffic(url)
    with open_store(url) as store:
        for launcher in (NEXT, ()):
            traffic.send()
            with RunningWorker(url, url, tmp_path / "worker.log", launcher=launcher) as worker:
                worker.wait_until_ready()
                assert worker.scrape().value("mmdigit_build_info", version=VERSION) == 1
                until(lambda: len(answered(store, traffic.old)) == len(traffic.old), "every job of version 1")
                assert worker.stop() == 0
        versions = [next_worker.VERSION, VERSION]
        assert list(answered(store, traffic.old).values()) == [v for v in versions for _ in range(JOBS // 2)]
        assert answered(store, traffic.new) == dict.fromkeys(traffic.new[: JOBS // 2], next_worker.VERSION)
    letters = dead_letters(url, JOBS // 2 + 2)
    assert reasons(letters) == {"unknown_version": JOBS // 2, "invalid_record": 2}
    assert sum(b"worker_version" in letter for letter in letters) == 1  # written by the next release
    kept = [decode_dead_letter(letter).original for letter in letters]
    assert all(any(job_id.encode() in value for value in kept) for job_id in traffic.new[JOBS // 2 :])
    assert both_read_every_prediction(path) == 3 * JOBS // 2


@pytest.mark.parametrize(("options", "first"), [([], b"\x01"), (["--store-json"], b"{")])
def test_store_json_serves_readers_that_know_only_json(tmp_path: Path, options: list[str], first: bytes) -> None:
    path = tmp_path / "queue.db"
    url = f"sqlite:///{path}"
    traffic = Traffic(url)
    traffic.send()
    with open_store(url) as store, RunningWorker(url, url, tmp_path / "worker.log", options) as worker:
        until(lambda: len(answered(store, traffic.old)) == len(traffic.old), "every job of version 1")
        assert worker.stop() == 0
    with closing(sqlite3.connect(path)) as file:
        values = [bytes(value) for table in ("predictions", "feed") for (value,) in file.execute(_VALUES[table])]
    assert {value[:1] for value in values} == {first}
    assert len(values) == 2 * len(traffic.old)
