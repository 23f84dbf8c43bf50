"""Open-loop latency: sends jobs at a steady rate and times each from its intended start to its prediction in Redis.

    with start_worker(endpoints, ...):
        result = open_loop(stack, endpoints, templates(samples, "benchmark"), rate_per_s=400.0)

No coordinated omission: each job's time is fixed before the run and carried as created_at. A sender that falls behind
sends at once, and the job's wait counts. Source: Tene, "How NOT to Measure Latency", 2015.
"""

import math
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from confluent_kafka import Producer

from lab.kit.drain import await_outcomes
from lab.kit.observer import Observer
from lab.kit.polling import wait_for_count
from lab.kit.quantiles import Quantiles, quantiles_ms
from lab.kit.records import Template, job_id_of
from lab.kit.spread import Spread, spread
from lab.kit.stack import Endpoints, Stack
from producer.pace import Clock

WARM_UP_S = 2.0
WINDOW_S = 6.0
WINDOWS = 5
LINGER_MS = 5
"""librdkafka's default, part of every latency. Without it each record is a request, which takes 39 % of the broker's
core at 600 jobs/s instead of 16 %."""

LAST_WITHIN_S = 20.0
_PROBES = 50
_BEFORE_FIRST_S = 0.05


@dataclass(frozen=True)
class OpenLoop:
    """One run at one rate, in milliseconds.

    jobs: without the warm-up. missing: those without a prediction when none had arrived for LAST_WITHIN_S.
    duplicates: writes of a prediction beyond its first, warm-up included. latency_ms_by_window: spread over the
    windows of the run. behind_ms: how late the sender was. acknowledged_ms: from the intended time to the broker's
    acknowledgement. observer_ms: from sending a SET to its event, the most that observing adds. sender_cpu: cores
    used by this process.
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
    endpoints: Endpoints,
    jobs: Sequence[Template],
    rate_per_s: float,
    *,
    window_s: float = WINDOW_S,
    windows: int = WINDOWS,
    warm_up_s: float = WARM_UP_S,
    linger_ms: float = LINGER_MS,
) -> OpenLoop:
    """Measure a program that is running or about to: waits for its first answers before the start.

    linger_ms: how long the sender keeps a record for company. Raises TransportError if there are none.
    """
    warm_up, each = round(warm_up_s * rate_per_s), round(window_s * rate_per_s)
    count = warm_up + windows * each
    with stack.producer(linger_ms) as producer, Observer(endpoints.store_url) as observer:
        for number in range(endpoints.partitions):
            value = jobs[0].record(job_id_of("first", number), datetime.now(UTC))
            producer.produce(endpoints.topic, value, partition=number)
        producer.flush()
        await_outcomes(stack.outcomes, endpoints.partitions)
        probes_s = [observer.delay_s() for _ in range(_PROBES)]
        began = resource.getrusage(resource.RUSAGE_SELF)
        sent = send(producer, endpoints, jobs, rate_per_s, count, Clock())
        ended, spent_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - sent.due_s[0]
        producer.flush()
        wait_for_count(stack.outcomes, endpoints.partitions + count, stalled_after_s=LAST_WITHIN_S)
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
    """When each job was due, sent and acknowledged (NaN: never), on time.monotonic."""

    due_s: list[float]
    sent_s: list[float]
    acked_s: list[float]


def due_times_s(start_s: float, rate_per_s: float, count: int) -> list[float]:
    """Evenly spaced times, each computed from the start so that errors do not add up."""
    return [start_s + number / rate_per_s for number in range(count)]


def send(
    producer: Producer, endpoints: Endpoints, jobs: Sequence[Template], rate_per_s: float, count: int, clock: Clock
) -> Sent:
    """Send that many jobs, each when it is due or, if that has passed, at once; the templates repeat."""
    monotonic, sleep = clock.monotonic, clock.sleep
    start_s, start = monotonic(), clock.now()
    sent = Sent(due_times_s(start_s + _BEFORE_FIRST_S, rate_per_s, count), [0.0] * count, [math.nan] * count)

    def acknowledged(number: int, error: object, _message: object) -> None:
        if error is None:
            sent.acked_s[number] = monotonic()

    for number, due_s in enumerate(sent.due_s):
        created_at = start + timedelta(seconds=due_s - start_s)
        value = jobs[number % len(jobs)].record(job_id_of("benchmark", number), created_at)
        partition = number % endpoints.partitions
        if (left_s := due_s - monotonic()) > 0:
            sleep(left_s)
        sent.sent_s[number] = monotonic()
        producer.produce(endpoints.topic, value, partition=partition, on_delivery=partial(acknowledged, number))
        producer.poll(0)
    return sent
