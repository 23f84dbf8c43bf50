"""Several processes of a worker, as their parent sees them."""

import multiprocessing
import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mmdigit.telemetry.health import Status
from samples.running import Scraped
from worker import processes
from worker.metrics import Metrics
from worker.processes import Child, Children, MergedMetrics, Silent
from worker.settings import WorkerSettings


class FakeChild(Child):
    """A process that answers when it is told to."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._pipe, self.process_end = multiprocessing.Pipe()
        self._late, self._asked = True, False

    def answers(self, *answers: object) -> "FakeChild":
        for answer in answers:
            self.process_end.send(answer)
        return self

    def questions(self) -> list[object]:
        """Those that it was asked since the last time."""
        asked = []
        while self.process_end.poll():
            asked.append(self.process_end.recv())
        return asked


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ANSWER_WITHIN_S", 0.01)


def family(*children: FakeChild) -> Children:
    settings = {"from": "kafka://localhost/jobs", "store": "sqlite:///unused.db"}
    return Children(children, WorkerSettings.model_validate(settings))


def counted(jobs: int) -> list[Any]:
    metrics = Metrics()
    metrics.in_flight.set(jobs)
    return list(metrics.registry.collect())


def test_metrics_of_all_processes_have_its_number() -> None:
    registry = CollectorRegistry()
    registry.register(MergedMetrics(family(*(FakeChild(n).answers("here", counted(n + 3)) for n in (0, 1)))))
    text = generate_latest(registry).decode()
    assert [line for line in text.splitlines() if line.startswith("mmdigit_in_flight_jobs")] == [
        'mmdigit_in_flight_jobs{process="0"} 3.0',
        'mmdigit_in_flight_jobs{process="1"} 4.0',
    ]
    assert text.count("# TYPE mmdigit_in_flight_jobs gauge") == 1
    assert Scraped(text).value("mmdigit_in_flight_jobs", process="1") == 4


def test_metrics_without_a_process_are_no_metrics() -> None:
    registry = CollectorRegistry()
    registry.register(MergedMetrics(family(FakeChild(0).answers("here", counted(3)), FakeChild(1))))
    with pytest.raises(Silent, match="process 1: starting, or stuck"):
        generate_latest(registry)


def test_silent_process_is_not_asked_again() -> None:
    child = FakeChild(0).answers("here")
    for _ in range(3):
        [(_, answer)] = family(child).answers("ready")
        assert "stuck" in str(answer)
    assert child.questions() == ["ready"]


def test_late_answer_is_not_taken_for_the_next() -> None:
    child = FakeChild(0).answers("here")
    list(family(child).answers("alive"))
    child.answers("late answer to alive", "answer to ready")
    assert list(family(child).answers("ready")) == [(child, "answer to ready")]


def test_starting_process_is_asked_nothing() -> None:
    child = FakeChild(0)
    [(_, answer)] = family(child).answers("metrics")
    assert "starting" in str(answer)
    assert child.questions() == []


def test_stuck_process_costs_the_others_nothing() -> None:
    stuck, other = FakeChild(0).answers("here"), FakeChild(1).answers("here", "metrics of the other")
    assert [str(answer) for _, answer in family(stuck, other).answers("metrics")] == [
        "process 0: starting, or stuck: no answer within 0 s",
        "metrics of the other",
    ]


def test_ended_process_says_so() -> None:
    child = FakeChild(0).answers("here")
    child.process_end.close()
    assert family(child).check("alive") == Status(False, "process 0: ended")


def test_failed_answer_says_so() -> None:
    child = FakeChild(0).answers("here", None)
    assert family(child).check("alive") == Status(False, "process 0: an error, see its log")


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (Status(True, "ready"), Status(True, "process 0: ready; process 1: ready")),
        (Status(False, "no partitions"), Status(False, "process 0: ready; process 1: no partitions")),
    ],
    ids=["all", "not all"],
)
def test_check_passes_if_all_processes_do(second: Status, expected: Status) -> None:
    both = family(FakeChild(0).answers("here", Status(True, "ready")), FakeChild(1).answers("here", second))
    assert both.check("ready") == expected


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "worker", "--processes", "2", "--metrics-port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_sqlite_topic_is_refused() -> None:
    done = run("--from", "sqlite:///never-made.db", "--store", "sqlite:///never-made.db")
    assert done.returncode == 2
    assert "expected a kafka:// topic for 2 processes, got sqlite" in done.stderr


def test_exit_code_is_that_of_the_failed_process() -> None:
    done = run("--from", "kafka://localhost:1/jobs", "--store", "redis://localhost:1/0")
    assert done.returncode == 3
    assert "a process ended; all stop worker_process=" in done.stderr
    assert "(process 0): error: expected an answer from Redis" in done.stderr or "(process 1)" in done.stderr
