"""The first signal stops after the current batch; a second one, or the timeout, exits, even from a hung model."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from lab.kit.polling import HANGS_AFTER_S, until
from mmdigit.consuming.stopping import EXIT_UNFINISHED, StopSignals
from mmdigit.transport.urls import open_publisher
from tests.processes import running
from tests.worker.fakes import job_value


class Left(Exception):  # noqa: N818  what the test waits for, not an error
    """The process would have exited with this code."""


@pytest.fixture
def stopped() -> threading.Event:
    return threading.Event()


@pytest.fixture
def left() -> list[int]:
    return []


def test_first_signal_stops_and_waits_for_the_end(stopped: threading.Event, left: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(stopped.set, 60, left.append):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(HANGS_AFTER_S)
    assert left == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_no_signal_stops_nothing(stopped: threading.Event, left: list[int]) -> None:
    with StopSignals(stopped.set, 60, left.append):
        pass
    assert (stopped.is_set(), left) == (False, [])


def test_second_signal_exits(stopped: threading.Event, left: list[int]) -> None:
    with StopSignals(stopped.set, 60, left.append):
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(HANGS_AFTER_S)
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: left, "the leave")
    assert left == [EXIT_UNFINISHED]


def test_timeout_exits(stopped: threading.Event, left: list[int]) -> None:
    with StopSignals(stopped.set, 0.05, left.append):
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: left, "the leave")
    assert left == [EXIT_UNFINISHED]


def test_other_signals_are_ignored(stopped: threading.Event, left: list[int]) -> None:
    signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with StopSignals(stopped.set, 60, left.append):
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
            assert stopped.wait(HANGS_AFTER_S)
            os.kill(os.getpid(), signal.SIGUSR1)
        assert left == []
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)


@pytest.mark.parametrize("again", [False, True], ids=["time-out", "second-signal"])
def test_signals_stop_a_worker_that_hangs_in_its_model(tmp_path: Path, again: bool) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with open_publisher(url) as publisher:
        publisher.send(None, job_value("a"))
        publisher.flush(10)
    options = ["--metrics-port", "0", "--stop-timeout-s", "60" if again else "0.2"]
    command = [sys.executable, "-m", "tests.worker.hung_worker", "--from", url, "--store", url, *options]
    with running(command, stderr=subprocess.PIPE) as worker:
        assert worker.stderr is not None
        read_until(worker.stderr, "hangs")
        worker.send_signal(signal.SIGTERM)
        read_until(worker.stderr, "stopping after the current batch")
        if again:
            worker.send_signal(signal.SIGTERM)
        last = worker.stderr.read()
        worker.wait()
    assert ("second signal" if again else "not finished in time") in last
    assert worker.returncode == EXIT_UNFINISHED


def read_until(lines: IO[str], words: str) -> None:
    for line in lines:
        if words in line:
            return
    raise AssertionError(f"the worker ended without {words!r}")
