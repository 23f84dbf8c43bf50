"""A shadow beside a real worker on one SQLite file, with the same model and with a different one."""

import csv
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from lab.kit.polling import until
from mmdigit.reading.metadata import read_metadata
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from samples.demo import PACK
from samples.running import RunningWorker
from schemas import VERSION
from schemas.job import Job
from schemas.prediction import Answer
from schemas.wire import encode
from tests.processes import running
from worker.shadow import command as program

JOBS = 100
EVERY = 10
LIMITS = ("--max-differing", "0.05", "--max-redecided", "0.1", "--json")

Run = Callable[..., tuple[int, dict[str, Any]]]


class Changed(Predictor):
    """Changes the digit of one answer in EVERY, and lowers every confidence."""

    def predict(self, samples: Sequence[ModelInput]) -> list[Answer]:
        return [self._changed(answer) for answer in super().predict(samples)]

    def warm_up(self) -> None:
        """Warm-up samples are not counted."""

    def _changed(self, answer: Answer) -> Answer:
        number = self.__dict__["number"] = self.__dict__.get("number", -1) + 1
        label = (answer.label + (number % EVERY == 0)) % 10
        return answer.model_copy(update={"label": label, "confidence": 0.9 * answer.confidence})


def pack() -> Iterator[bytes]:
    with PACK.open(newline="") as file:
        for row in csv.DictReader(file):
            parts = {name: (PACK.parent / row[name]).read_bytes() for name in ("image", "audio") if row[name]}
            yield encode(Job(job_id=row["id"], group="g", created_at=datetime.now(UTC), **parts), "msgpack")


def send(url: str, *values: bytes) -> None:
    with open_publisher(url) as publisher:
        for value in values:
            publisher.send(None, value)
        publisher.flush(30)


def shadow_of(url: str, *options: str) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "worker", "shadow", "--from", url, "--store", url, *LIMITS, *options]
    return running(command, stdout=subprocess.PIPE)


@pytest.fixture
def run_shadow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """run_shadow(url, *options): run in this process without signal handlers; its exit code and its report."""
    monkeypatch.setattr(program, "stop_on_first_signal", lambda stop: None)

    def run(url: str, *options: str) -> tuple[int, dict[str, Any]]:
        code = program.shadow(["--from", url, "--store", url, *LIMITS, *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def end_of(shadow: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    """Its exit code and what it found."""
    out, _ = shadow.communicate()
    return shadow.returncode, json.loads(out)


@dataclass(frozen=True)
class Shadowed:
    """A queue of answered jobs, and the report of a shadow that started before the worker."""

    url: str
    code: int
    found: dict[str, Any]


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory) -> Shadowed:
    folder = tmp_path_factory.mktemp("shadow")
    url = f"sqlite:///{folder / 'queue.db'}"
    send(url, *islice(pack(), JOBS))
    options = ["--target-error", "0.001"]
    with shadow_of(url) as shadow, RunningWorker(url, url, folder / "worker.log", options) as worker:
        code, found = end_of(shadow)
        assert worker.stop() == 0
    return Shadowed(url, code, found)


def test_shadow_waits_and_agrees_with_the_same_model(shadowed: Shadowed) -> None:
    found = shadowed.found
    assert (shadowed.code, found["verdict"]) == (0, "within limits")
    assert (found["compared"], found["differing"]["jobs"], found["without_live_outcome"]) == (JOBS, 0, 0)
    model = read_metadata(WEIGHTS.with_suffix(".json")).model_version
    assert found["tested"] == f"{model}, worker {VERSION}"
    assert found["live"] == {f"{model}, worker {VERSION}": JOBS}
    assert found["confidence_shift"]["largest"] < 1e-4
    assert 0 < found["cpu_s_per_job"] < 1


def test_shadow_shows_differences_and_writes_nothing(
    shadowed: Shadowed, run_shadow: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(shadowed.url) as store:
        before = (store.feed(), store.counts("g"))
    monkeypatch.setattr(program, "Predictor", Changed)
    code, found = run_shadow(shadowed.url, "--shadow-group", "changed", "--limit", str(JOBS))
    different = len(range(0, JOBS, EVERY))
    assert (code, found["verdict"]) == (1, "over a limit")
    assert (found["other_digit"], found["compared"]) == (different, JOBS)
    assert len(found["examples"]) == different
    assert -0.1 <= found["confidence_shift"]["mean"] < -0.08
    with open_store(shadowed.url) as store:
        assert (store.feed(), store.counts("g")) == before
    with open_consumer(dead_letter_url(shadowed.url), group="test") as consumer:
        assert consumer.poll(1, 0) == []


def test_shadow_continues_after_an_interruption(shadowed: Shadowed, run_shadow: Run) -> None:
    group = ("--shadow-group", "interrupted", "--limit", str(JOBS + 1))
    send(shadowed.url, encode(Job(job_id="nobody-answers", image=bytes(784), created_at=datetime.now(UTC)), "msgpack"))
    with shadow_of(shadowed.url, *group, "--batch-size", str(JOBS), "--live-wait-s", "600") as shadow:
        until(lambda: committed(shadowed.url, "interrupted.%") == [(JOBS,)], "the answered jobs compared")
        shadow.send_signal(signal.SIGTERM)
        code, found = end_of(shadow)
    assert (code, found["compared"], found["without_live_outcome"]) == (130, JOBS, 0)
    code, found = run_shadow(shadowed.url, *group, "--live-wait-s", "0")
    assert (code, found["compared"], found["without_live_outcome"]) == (1, 0, 1)
    assert found["verdict"] == "too few jobs to tell"


def committed(url: str, groups: str) -> list[tuple[int]]:
    """The next offset of each group whose name matches."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        return file.execute("SELECT next_offset FROM committed WHERE consumer_group LIKE ?", (groups,)).fetchall()
