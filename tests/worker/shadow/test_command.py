"""The shadow's own loop: what it waits for, compares and commits, where it ends; and its settings."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mmdigit.transport.ports import Record, TopicPartition
from schemas.errors import RebalanceError, SettingsError, StoreError
from schemas.prediction import Prediction
from tests.factories import make_prediction
from tests.worker.fakes import P0, P1, Clock, FakeConsumer, FakeModel, image_bytes, job_value, record
from worker.shadow.command import PROGRESS_EVERY_S, Shadow
from worker.shadow.settings import ShadowSettings

URLS = {"from": "sqlite:///q.db", "store": "sqlite:///s.db"}
SHADE = 203
"""The fake model reads it as 3."""


class Jobs(FakeConsumer):
    """Two partitions of jobs, whose ends are known from the first poll on."""

    def __init__(self, records: Iterable[Record]) -> None:
        super().__init__(records)
        self.polled = 0
        self.empty_polls: set[int] = set()
        """Which polls, from 1, give nothing though there is something."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.polled += 1
        return super().poll(0 if self.polled in self.empty_polls else max_records, timeout_s)

    def lag(self) -> dict[TopicPartition, int]:
        waiting = Counter(record.topic_partition for record in self.queue)
        return {P0: waiting[P0], P1: waiting[P1]} if self.polled else {}


class Live:
    """What live workers have stored so far. It can be read, and nothing else."""

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
    """A shadow of some jobs, and all that is around it."""

    def __init__(self, *records: Record, poison: int | None = None, **options: object) -> None:
        self.consumer, self.live, self.clock = Jobs(records), Live(), Clock()
        self.model = FakeModel(poison)
        self.said: list[str] = []
        settings = ShadowSettings.model_validate(URLS | options)
        self.shadow = Shadow(settings, self.model, self.consumer, self.live, self.said.append, self.clock, lambda: 0.0)
        self.found = self.shadow.comparison


def test_what_is_compared_is_committed_once_a_batch() -> None:
    bench = Bench(job(0), job(1), job(7, P1), batch_size=2)
    bench.live.answer(0, 1, 7)
    bench.shadow.run()
    assert (bench.found.same, bench.found.compared) == (3, 3)
    assert bench.consumer.commits == [{P0: 2}, {P1: 8}]
    assert bench.model.batches == [2, 1]


def test_another_digit_is_found() -> None:
    bench = Bench(job(0), job(1))
    bench.live.answer(0)
    bench.live.answer(1, label=8)
    bench.shadow.run()
    assert (bench.found.same, bench.found.other_digit) == (1, 1)


def test_live_workers_that_lag_are_waited_for_and_the_membership_kept() -> None:
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
    assert bench.model.batches == [2]  # nothing is answered again meanwhile


def test_an_answer_that_never_comes_is_waited_for_so_long_and_counted() -> None:
    bench = Bench(job(0), job(1), live_wait_s=30)
    bench.live.answer(1)
    bench.live.before_get = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + 11)
    bench.shadow.run()
    assert (bench.found.same, bench.found.missing) == (1, 1)
    assert bench.clock.now_s == 100 + 33
    assert bench.consumer.commits == [{P0: 2}]


def test_a_long_wait_for_answers_is_no_silence_of_the_topic() -> None:
    bench = Bench(job(0), job(1), batch_size=1, live_wait_s=600)
    bench.live.before_get = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + 601)
    bench.consumer.empty_polls = {2}
    bench.shadow.run()
    assert bench.found.missing == 2


def test_dead_letters_on_either_side() -> None:
    broken = b"no picture"
    bench = Bench(job(0, image=broken), job(1, image=broken), job(2), job(3, image=image_bytes(255)), poison=255)
    bench.live.answer(1, 3)
    bench.live.reasons = {"job-0": "invalid_image", "job-2": "model_rejected"}
    bench.shadow.run()
    assert (bench.found.failed_in_both, bench.found.failed_here, bench.found.failed_live) == (1, 2, 1)
    assert [example.tested for example in bench.found.examples] == ["invalid_image", "model_rejected"]


def test_what_is_no_job_here_is_counted_and_not_waited_for() -> None:
    bench = Bench(record(0, b"rubbish"), record(1, b'{"version":2}'))
    bench.shadow.run()
    assert (bench.found.unreadable, bench.found.compared) == (2, 0)
    assert bench.consumer.commits == [{P0: 2}]


def test_a_stop_while_it_waits_leaves_the_batch_for_the_next_run() -> None:
    bench = Bench(job(0), job(1), batch_size=1)
    bench.live.answer(0)
    looks = iter([lambda: None, bench.shadow.stop])
    bench.live.before_get = lambda: next(looks)()
    bench.shadow.run()
    assert bench.shadow.stopped
    assert bench.consumer.commits == [{P0: 1}]
    assert (bench.found.same, bench.found.missing) == (1, 0)


def test_a_store_that_fails_ends_it_and_commits_nothing() -> None:
    bench = Bench(job(0))

    def fail() -> None:
        raise StoreError("store away")

    bench.live.before_get = fail
    with pytest.raises(StoreError):
        bench.shadow.run()
    assert bench.consumer.commits == []


def test_a_partition_that_moved_ends_it() -> None:
    bench = Bench(job(0))
    bench.live.answer(0)
    bench.consumer.failing_commits = 1
    with pytest.raises(RebalanceError):
        bench.shadow.run()


def test_a_limit_of_jobs_and_jobs_of_before() -> None:
    bench = Bench(*(job(n, sent_s=10**9 + n) for n in range(9)), since=datetime.fromtimestamp(10**9 + 3, UTC), limit=4)
    bench.live.answer(*range(9))
    bench.shadow.run()
    assert bench.found.compared == 4
    assert bench.consumer.commits == [{P0: 4}, {P0: 7}]
    assert bench.model.batches == [1, 3]


def test_jobs_that_come_while_it_runs_are_left_for_the_next_run() -> None:
    bench = Bench(job(0), job(1))
    bench.live.answer(0, 1, 2)
    bench.live.before_get = lambda: bench.consumer.queue.append(job(2))
    bench.shadow.run()
    assert bench.found.compared == 2


def test_it_says_how_far_it_is_now_and_then() -> None:
    bench = Bench(*(job(n) for n in range(4)), batch_size=2)
    bench.live.answer(*range(4))
    bench.consumer.before_poll = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + PROGRESS_EVERY_S / 2)
    bench.shadow.run()
    assert bench.said == ["2 jobs compared, 0 to come"]


def test_each_candidate_has_a_group_of_its_own() -> None:
    def group(**options: object) -> str:
        return ShadowSettings.model_validate(URLS | options).consumer_group("0.7.0", "m-2")

    assert group() == group(limit=5) == "mmdigit-shadow.0.7.0.m-2"
    assert group(shadow_group="again", since="2026-01-31T13:00:00+01:00") == (
        "again.0.7.0.m-2.since-20260131T120000.000000Z"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "sqlite:///q.db"], "expected --store, got none; for example --store redis://"),
        (["--from", "a", "--store", "b", "--max-differing", "0"], "max_differing: "),
        (["--from", "a", "--store", "b", "--since", "12:00"], "since: "),
        (["--from", "a", "--store", "b", "--limit", "0"], "limit: "),
    ],
)
def test_a_wrong_setting_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ShadowSettings.load(arguments)
