"""Several processes of the worker in one container: each runs the loop with a model and partitions of its own.

The parent starts them, passes signals on, and shows their metrics and health on one port. As soon as one fails, the
others stop and the parent returns its exit code, so that what restarts a container sees one worker. A process whose
parent is gone stops by itself.
"""

import gc
import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from mmdigit.consuming.health import LoopHealth
from mmdigit.consuming.stopping import SIGNALS
from mmdigit.settings.program import run_program
from mmdigit.telemetry.health import HealthServer, Status, Unavailable
from mmdigit.transport.urls import system_and_topic
from schemas.errors import SettingsError
from worker.process import run_process
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

LABEL = "process"
"""Of every metric, where there are several processes: 0, 1, ..."""
ANSWER_WITHIN_S = 1.0
"""A process that is slower to say how it is counts as stuck. Other requests wait meanwhile."""
KILLED_AFTER_S = 5.0
"""Beyond --stop-timeout-s, after which each process exits by itself unless it hangs."""

_LOOKS_EVERY_S = 1.0  # at the time to kill, which a signal may have set meanwhile
_CONTEXT = multiprocessing.get_context("fork")  # so that all share the memory of what is imported


def run_processes(settings: WorkerSettings) -> int:
    """Run settings.processes of them until all have ended. Returns the exit code of the first that failed, else 0.

    Call it in the main thread, before any other thread starts: a fork copies the locks that threads hold. Raises
    SettingsError for a topic that only one process at a time can read, and for a port that is taken.
    """
    system, _ = system_and_topic(settings.from_url)
    if system != "kafka":
        raise SettingsError(
            f"expected a kafka:// topic for {settings.processes} processes, got {system}, whose topic one process at a "
            "time reads; leave out --processes"
        )
    gc.freeze()  # else the children's collector would touch, and so copy, what they share
    started: list[Child] = []
    children = Children(started, settings)
    try:
        for number in range(settings.processes):
            started.append(Child(settings, number, started))
        registry = CollectorRegistry()
        registry.register(MergedMetrics(children))
        checks = (partial(children.check, "alive"), partial(children.check, "ready"))
        server = HealthServer(settings.metrics_host, settings.metrics_port, registry, *checks, settings.read_token)
        address = f"http://{settings.metrics_host}:{server.port}/metrics"
        log.info("processes started", extra={"processes": settings.processes, "metrics": address})
        try:
            return children.wait()
        finally:
            server.close()
    except BaseException:
        children.stop()
        raise


class Silent(Unavailable):
    """The process does not say how it is; str() says why."""


class Child:
    """One process, as its parent sees it."""

    def __init__(self, settings: WorkerSettings, number: int, earlier: Sequence["Child"]) -> None:
        """Start the process. settings: of the parent. earlier: those that it has started."""
        self.number = number
        changes: dict[str, object] = {"processes": 1}
        if settings.instance_id:
            changes["instance_id"] = f"{settings.instance_id}-{number}"
        self._pipe, other_end = _CONTEXT.Pipe()
        self._late = True  # an answer is still to come: first, the process says that it is there
        self._asked = False
        parents_ends = [*(child._pipe for child in earlier), self._pipe]
        arguments = (settings.model_copy(update=changes), number, other_end, parents_ends)
        self.process = _CONTEXT.Process(target=_run_child, args=arguments)
        self.process.start()
        other_end.close()  # so that the end of the process ends the pipe

    def exit_code(self) -> int:
        """Waits for the end of the process. A signal's number counts from 128, as in a shell."""
        self.process.join()
        code = self.process.exitcode or 0
        return code if code >= 0 else 128 - code

    def ask(self, question: str) -> None:
        """Send "metrics", "alive" or "ready", unless an earlier question is still unanswered."""
        self._asked = False
        try:
            if self._late and self._pipe.poll():
                self._pipe.recv()
                self._late = False
            if not self._late:
                self._pipe.send(question)
                self._late = self._asked = True
        except (EOFError, OSError):
            self._asked = True  # receive() finds that the process has ended

    def receive(self, until_s: float) -> Any:
        """The answer, until that time of the monotonic clock. Raises Silent."""
        try:
            if not self._asked or not self._pipe.poll(max(0.0, until_s - time.monotonic())):
                raise Silent(f"process {self.number}: starting, or stuck: no answer within {ANSWER_WITHIN_S:.0f} s")
            self._late = False
            answer = self._pipe.recv()
        except (EOFError, OSError):
            raise Silent(f"process {self.number}: ended") from None
        if answer is None:
            raise Silent(f"process {self.number}: an error, see its log")
        return answer


class Children:
    """The processes together."""

    def __init__(self, started: Sequence[Child], settings: WorkerSettings) -> None:
        self._started = started
        self._ends_when_idle = settings.exit_when_idle_s is not None
        self._stops_within_s = settings.stop_timeout_s + KILLED_AFTER_S
        self._finished: frozenset[Child] = frozenset()
        """Those that have ended with exit code 0."""
        self._signals = 0
        self._kill_at_s = math.inf

    def wait(self) -> int:
        """Wait for all, and pass signals on. Returns the exit code of the first that failed, else 0."""
        before = {number: signal.signal(number, self._pass_on) for number in SIGNALS}
        try:
            return self._wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Send SIGTERM to all that run. The second one makes a process exit at once, as without a parent."""
        self._kill_at_s = time.monotonic() + self._stops_within_s
        for child in self._started:
            child.process.terminate()

    def answers(self, question: str) -> Iterator[tuple[Child, Any]]:
        """What each process says, those left out that have finished; a Silent if it says nothing in time."""
        children = [child for child in self._started if child not in self._finished]
        for child in children:
            child.ask(question)
        until_s = time.monotonic() + ANSWER_WITHIN_S
        for child in children:
            try:
                yield child, child.receive(until_s)
            except Silent as silent:
                yield child, silent

    def check(self, question: str) -> Status:
        """Passes if every process passes. question: "alive" or "ready"."""
        passes, messages = True, []
        for child, answer in self.answers(question):
            if isinstance(answer, Silent):
                passes = False
                messages.append(str(answer))
            else:
                passes = passes and answer.ok
                messages.append(f"process {child.number}: {answer.message}")
        return Status(passes, "; ".join(messages))

    def _wait(self) -> int:
        first_failure = 0
        running = list(self._started)
        while running:
            wait([child.process.sentinel for child in running], _LOOKS_EVERY_S)
            if time.monotonic() >= self._kill_at_s:
                for child in running:
                    child.process.kill()
            for child in [child for child in running if not child.process.is_alive()]:
                running.remove(child)
                code = child.exit_code()
                if not code:
                    self._finished |= {child}
                first_failure = first_failure or code
                if self._kill_at_s == math.inf and (code or not self._ends_when_idle):
                    log.error("a process ended; all stop", extra={"worker_process": child.number, "exit_code": code})
                    self.stop()
        return first_failure

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1 or self._kill_at_s == math.inf:  # else they stop already, since one has failed
            self.stop()


class MergedMetrics(Collector):
    """The metrics of all processes, each sample with the label of its process."""

    def __init__(self, children: Children) -> None:
        self._children = children

    def collect(self) -> Iterable[Metric]:
        """Raises Silent if one of them does not answer: what is missing must not look like zero."""
        merged: dict[str, Metric] = {}
        for child, metrics in self._children.answers("metrics"):
            if isinstance(metrics, Silent):
                raise metrics
            for metric in metrics:
                labelled = [each._replace(labels={LABEL: str(child.number), **each.labels}) for each in metric.samples]
                metric.samples = []
                merged.setdefault(metric.name, metric).samples += labelled
        return merged.values()


def _run_child(settings: WorkerSettings, number: int, parent: Connection, parents_ends: Sequence[Connection]) -> None:
    os.setpgid(0, 0)  # Ctrl-C is for the parent to pass on
    for end in parents_ends:
        end.close()  # so that the end of the parent ends the pipes
    for handler in logging.getLogger().handlers:
        handler.addFilter(partial(_name_process, number))
    serve = partial(_answer_parent, parent)
    sys.exit(run_program(f"{settings.prog} (process {number})", lambda _: run_process(settings, serve), []))


def _name_process(number: int, record: logging.LogRecord) -> bool:
    record.worker_process = number
    return True


@contextmanager
def _answer_parent(parent: Connection, registry: CollectorRegistry, health: LoopHealth) -> Iterator[str]:
    answers = {"metrics": lambda: list(registry.collect()), "alive": health.alive, "ready": health.ready}
    threading.Thread(target=_answer, args=(parent, answers), name="parent", daemon=True).start()
    yield "with those of all processes"


def _answer(parent: Connection, answers: Mapping[str, Callable[[], object]]) -> None:
    try:
        parent.send("here")
        while True:
            question = parent.recv()
            try:
                answer = answers[question]()
            except Exception:
                log.exception("an answer to the parent failed; please report it", extra={"question": question})
                answer = None
            parent.send(answer)
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)  # the parent is gone
