"""The loop of a shadow on fakes: what it waits for, compares and commits, and when it ends."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mmdigit.transport.ports import Record, TopicPartition
from schemas.errors import RebalanceError, StoreError
from schemas.prediction import Prediction
from tests.factories import make_prediction
from tests.worker.fakes import P0, P1, Clock, FakeConsumer, FakeModel, image_bytes, job_value, record
from worker.shadow.command import PROGRESS_EVERY_S, Shadow
from worker.shadow.settings import ShadowSettings

URLS = {"from": "sqlite:///q.db", "store": "sqlite:///s.db"}
SHADE = 203
"""The fake model reads it as 3."""


class Jobs(FakeConsumer):
    """Two partitions of jobs; their lag is known after the first poll."""

    def __init__(self, records: Iterable[Record]) -> None:
        super().__init__(records)
        self.polled = 0
        self.empty_polls: set[int] = set()
        """The polls, counted from 1, that return nothing although records wait."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.polled += 1
        return super().poll(0 if self.polled in self.empty_polls else max_records, timeout_s)

    def lag(self) -> dict[TopicPartition, int]:
        waiting = Counter(record.topic_partition for record in self.queue)
        return {P0: waiting[P0], P1: waiting[P1]} if self.polled else {}


class Live:
    """The outcomes that live workers have stored, read-only."""

    def __init__(self) -> None:
        self.predictions: dict[str, Prediction] = {}
        self.reasons: dict[str, str] = {}
        self.before_get: Callable[[], object] = lambda: None

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        self.before_get()
        return [self.predictions.get(job_id) for job_id in job_ids]

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        return [self.reasons.get(job_id) for job_id in job_ids]

    def answer(self, *numbers: int, label: int = 3) -> None:
        self.predictions |= {f"job-{number}": make_prediction(number, label=label) for number in numbers}


def job(offset: int, partition: TopicPartition = P0, image: bytes | None = None, sent_s: float = 0.0) -> Record:
    return replace(
        record(offset, job_value(f"job-{offset}", image or image_bytes(SHADE)), partition), timestamp_s=sent_s
    )


class Bench:
    """A shadow on fakes."""

    def __init__(self, *records: Record, poison: int | None = None, **options: object) -> None:
        self.consumer, self.live, self.clock = Jobs(records), Live(), Clock()
        self.model = FakeModel(poison)
        self.said: list[str] = []
        settings = ShadowSettings.model_validate(URLS | options)
        self.shadow = Shadow(settings, self.model, self.consumer, self.live, self.said.append, self.clock, lambda: 0.0)
        self.found = self.shadow.comparison


def test_shadow_commits_compared_jobs_once_a_batch() -> None:
    bench = Bench(job(0), job(1), job(7, P1), batch_size=2)
    bench.live.answer(0, 1, 7)
    bench.shadow.run()
    assert (bench.found.same, bench.found.compared) == (3, 3)
    assert bench.consumer.commits == [{P0: 2}, {P1: 8}]
    assert bench.model.batches == [2, 1]


def test_shadow_finds_another_digit() -> None:
    bench = Bench(job(0), job(1))
    bench.live.answer(0)
    bench.live.answer(1, label=8)
    bench.shadow.run()
    assert (bench.found.same, bench.found.other_digit) == (1, 1)


def test_shadow_waits_for_live_workers_and_stays_in_the_group() -> None:
    bench = Bench(job(0), job(1))
    later: list[Callable[[], object]] = [
        lambda: bench.live.reasons.update({"job-1": "model_rejected"}),
        lambda: bench.live.answer(0),
        lambda: None,
    ]
    bench.live.before_get = lambda: later.pop()()
    bench.shadow.run()
    assert (bench.found.same, bench.found.failed_live, bench.found.missing) == (1, 1, 0)
    assert bench.consumer.keep_alives == 2
    assert bench.model.batches == [2]  # no job is answered again


def test_shadow_counts_a_missing_outcome_after_live_wait_s() -> None:
    bench = Bench(job(0), job(1), live_wait_s=30)
    bench.live.answer(1)
    bench.live.before_get = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + 11)
    bench.shadow.run()
    assert (bench.found.same, bench.found.missing) == (1, 1)
    assert bench.clock.now_s == 100 + 33
    assert bench.consumer.commits == [{P0: 2}]


def test_shadow_wait_does_not_count_as_a_silent_topic() -> None:
    bench = Bench(job(0), job(1), batch_size=1, live_wait_s=600)
    bench.live.before_get = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + 601)
    bench.consumer.empty_polls = {2}
    bench.shadow.run()
    assert bench.found.missing == 2


def test_shadow_compares_dead_letters_of_both_sides() -> None:
    broken = b"no image"
    bench = Bench(job(0, image=broken), job(1, image=broken), job(2), job(3, image=image_bytes(255)), poison=255)
    bench.live.answer(1, 3)
    bench.live.reasons = {"job-0": "invalid_image", "job-2": "model_rejected"}
    bench.shadow.run()
    assert (bench.found.failed_in_both, bench.found.failed_here, bench.found.failed_live) == (1, 2, 1)
    assert [example.tested for example in bench.found.examples] == ["invalid_image", "model_rejected"]


def test_shadow_counts_an_unreadable_job_without_waiting() -> None:
    bench = Bench(record(0, b"rubbish"), record(1, b'{"version":2}'))
    bench.shadow.run()
    assert (bench.found.unreadable, bench.found.compared) == (2, 0)
    assert bench.consumer.commits == [{P0: 2}]


def test_stop_during_the_wait_leaves_the_batch_uncommitted() -> None:
    bench = Bench(job(0), job(1), batch_size=1)
    bench.live.answer(0)
    looks = iter([lambda: None, bench.shadow.stop])
    bench.live.before_get = lambda: next(looks)()
    bench.shadow.run()
    assert bench.shadow.stopped
    assert bench.consumer.commits == [{P0: 1}]
    assert (bench.found.same, bench.found.missing) == (1, 0)


def test_store_error_ends_a_shadow_and_commits_nothing() -> None:
    bench = Bench(job(0))

    def fail() -> None:
        raise StoreError("store away")

    bench.live.before_get = fail
    with pytest.raises(StoreError):
        bench.shadow.run()
    assert bench.consumer.commits == []


def test_rebalance_ends_a_shadow() -> None:
    bench = Bench(job(0))
    bench.live.answer(0)
    bench.consumer.failing_commits = 1
    with pytest.raises(RebalanceError):
        bench.shadow.run()


def test_limit_and_since_select_the_jobs() -> None:
    bench = Bench(*(job(n, sent_s=10**9 + n) for n in range(9)), since=datetime.fromtimestamp(10**9 + 3, UTC), limit=4)
    bench.live.answer(*range(9))
    bench.shadow.run()
    assert bench.found.compared == 4
    assert bench.consumer.commits == [{P0: 4}, {P0: 7}]
    assert bench.model.batches == [1, 3]


def test_shadow_leaves_new_jobs_for_the_next_run() -> None:
    bench = Bench(job(0), job(1))
    bench.live.answer(0, 1, 2)
    bench.live.before_get = lambda: bench.consumer.queue.append(job(2))
    bench.shadow.run()
    assert bench.found.compared == 2


def test_shadow_reports_its_progress() -> None:
    bench = Bench(*(job(n) for n in range(4)), batch_size=2)
    bench.live.answer(*range(4))
    bench.consumer.before_poll = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + PROGRESS_EVERY_S / 2)
    bench.shadow.run()
    assert bench.said == ["2 jobs compared, 0 remaining"]
