"""Jobs at a steady rate, whatever the answers do: how long from each job's intended time to its prediction in Redis.

    with Contestant(...) as process:  # reads place, writes to its store
        result = open_loop(stack, place, templates(samples, "benchmark"), rate_per_s=400.0)

No coordinated omission: each job has its time before the run begins and carries it as created_at; a sender that falls
behind sends at once, and the time that the job waited for it counts. Source: Tene, "How NOT to Measure Latency", 2015.
"""

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from confluent_kafka import Producer

from lab.kit.observer import Observer
from lab.kit.quantiles import Quantiles, quantiles_ms
from lab.kit.records import Template, job_id_of
from lab.kit.spread import Spread, spread
from lab.kit.stack import Place, Stack
from producer.pace import Clock
from schemas.errors import TransportError

WARM_UP_S = 2.0
WINDOW_S = 6.0
WINDOWS = 5
LINGER_MS = 5
"""Of the sender, as librdkafka has it unless told otherwise. Part of every latency; with none, each record is a
request, and a broker on one core is busy with those alone (at 600 jobs/s 39 % of it, so 16 %)."""

LAST_WITHIN_S = 20.0
_FIRST_WITHIN_S = 60.0
_PROBES = 50
_BEFORE_FIRST_S = 0.05


@dataclass(frozen=True)
class OpenLoop:
    """One run at one rate; all times in milliseconds, each figure with the spread over the windows of the run.

    jobs: those that count, without the warm-up. missing: of them, how many had no prediction LAST_WITHIN_S after the
    last outcome. duplicates: how many more times than once a prediction was set, warm-up included.
    behind_ms: how late the sender was. acknowledged_ms: from the intended time to the broker's acknowledgement, the
    sender's and broker's share. observer_ms: from sending one SET to its event, the observer's share at most.
    sender_cpu: cores used by this process.
    """

    rate_per_s: float
    jobs: int
    missing: int
    duplicates: int
    latency_ms: Quantiles
    latency_ms_by_window: dict[str, Spread]
    behind_ms: Quantiles
    acknowledged_ms: Quantiles
    observer_ms: Quantiles
    sender_cpu: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def open_loop(
    stack: Stack,
    place: Place,
    jobs: Sequence[Template],
    rate_per_s: float,
    *,
    window_s: float = WINDOW_S,
    windows: int = WINDOWS,
    warm_up_s: float = WARM_UP_S,
) -> OpenLoop:
    """Send to a contestant that already runs, or will within a minute: its first answers are awaited before the start.

    Raises TransportError if it answers nothing at all.
    """
    warm_up, each = round(warm_up_s * rate_per_s), round(window_s * rate_per_s)
    count = warm_up + windows * each
    with stack.producer(LINGER_MS) as producer, Observer(place.store_url) as observer:
        for number in range(place.partitions):
            value = jobs[0].record(job_id_of("first", number), datetime.now(UTC))
            producer.produce(place.topic, value, partition=number)
        producer.flush()
        _await(lambda: stack.outcomes() >= place.partitions, _FIRST_WITHIN_S)
        probes_s = [observer.delay_s() for _ in range(_PROBES)]
        began = resource.getrusage(resource.RUSAGE_SELF)
        sent = send(producer, place, jobs, rate_per_s, count, Clock())
        ended, spent_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - sent.due_s[0]
        producer.flush()
        _await_last(stack, place.partitions + count)
        seen_s = observer.times_s()
    firsts_s = [seen_s.get(job_id_of("benchmark", number), [None])[0] for number in range(count)]
    latencies_s = [None if at is None else at - due for at, due in zip(firsts_s, sent.due_s, strict=True)][warm_up:]
    by_window = [quantiles_ms(latencies_s[start : start + each]) for start in range(0, len(latencies_s), each)]
    return OpenLoop(
        rate_per_s=rate_per_s,
        jobs=len(latencies_s),
        missing=latencies_s.count(None),
        duplicates=sum(len(times) - 1 for times in seen_s.values()),
        latency_ms=quantiles_ms(latencies_s),
        latency_ms_by_window={name: spread([window[name] for window in by_window]) for name in by_window[0]},
        behind_ms=quantiles_ms([at - due for at, due in zip(sent.sent_s, sent.due_s, strict=True)][warm_up:]),
        acknowledged_ms=quantiles_ms([at - due for at, due in zip(sent.acked_s, sent.due_s, strict=True)][warm_up:]),
        observer_ms=quantiles_ms(probes_s),
        sender_cpu=(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime) / spent_s,
    )


@dataclass(frozen=True)
class Sent:
    """Of each job, on time.monotonic: when it was to be sent, was sent, was acknowledged (NaN: not)."""

    due_s: list[float]
    sent_s: list[float]
    acked_s: list[float]


def due_times_s(start_s: float, rate_per_s: float, count: int) -> list[float]:
    """The intended times, evenly spaced; each computed from the start, so that no error adds up."""
    return [start_s + number / rate_per_s for number in range(count)]


def send(
    producer: Producer, place: Place, jobs: Sequence[Template], rate_per_s: float, count: int, clock: Clock
) -> Sent:
    """Send so many jobs, the templates over and over, each at its time or, once that is over, at once."""
    monotonic, sleep = clock.monotonic, clock.sleep
    start_s, start = monotonic(), clock.now()
    sent = Sent(due_times_s(start_s + _BEFORE_FIRST_S, rate_per_s, count), [0.0] * count, [math.nan] * count)

    def acknowledged(number: int, error: object, _message: object) -> None:
        if error is None:
            sent.acked_s[number] = monotonic()

    for number, due_s in enumerate(sent.due_s):
        created_at = start + timedelta(seconds=due_s - start_s)
        value = jobs[number % len(jobs)].record(job_id_of("benchmark", number), created_at)
        partition = number % place.partitions
        if (left_s := due_s - monotonic()) > 0:
            sleep(left_s)
        sent.sent_s[number] = monotonic()
        producer.produce(place.topic, value, partition=partition, on_delivery=partial(acknowledged, number))
        producer.poll(0)
    return sent


def _await_last(stack: Stack, jobs: int) -> None:
    """Until all have an outcome, or none came for LAST_WITHIN_S."""
    seen, since_s = -1, time.monotonic()
    while (outcomes := stack.outcomes()) < jobs and time.monotonic() - since_s < LAST_WITHIN_S:
        if outcomes > seen:
            seen, since_s = outcomes, time.monotonic()
        time.sleep(0.02)


def _await(look: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline_s:
            raise TransportError(f"expected the first answers within {timeout_s:.0f} s; does the contestant read?")
        time.sleep(0.02)
