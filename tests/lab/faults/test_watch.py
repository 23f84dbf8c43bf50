"""The load remembers what was acknowledged, and the watch sees outcomes when they come, on a SQLite file."""

import time
from pathlib import Path

from lab.faults.watch import Watch
from lab.kit.load import Load
from lab.kit.polling import until
from mmdigit.transport.urls import open_consumer, open_store
from producer.sources.sample import Sample
from tests.factories import make_dead_letter, make_prediction


def test_every_record_of_the_load_is_acknowledged_and_stands_in_the_topic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with Load(url, "g", [Sample("a", bytes(784), None, 1)], trickle_per_s=0.0) as load:
        load.burst(30)
        until(lambda: load.sent == 30, "30 sent")
        load.pause()
        load.resume()
        until(lambda: len(load.acknowledged) == 30, "30 acknowledged")
        load.burst(5)
        until(lambda: load.sent == 35, "5 more")
    assert sorted(load.acknowledged) == list(range(35))
    assert load.errors == []
    with open_consumer(url, group="g") as consumer:
        assert len(consumer.poll(100, 5.0)) == 35


def test_a_recovery_counts_only_outcomes_that_came_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with open_store(url) as store, Watch(url, "g") as watch:
        store.put([make_prediction(0), make_prediction(1, group="another")])
        store.put_dead_letters([make_dead_letter(2)])
        until(lambda: watch.outcomes == 2, "two outcomes")
        assert watch.catch_up(30)
        ended_s = time.monotonic()
        assert watch.await_outcome_of_each(1, 0.0, 30.0) is not None
        assert watch.await_outcome_of_each(1, ended_s, 0.05) is None
        store.put([make_prediction(3)])
        took_s = watch.await_outcome_of_each(1, ended_s, 30.0)
        assert took_s is not None
        assert took_s > 0
        assert watch.await_outcome_of_each(2, ended_s, 0.05) is None  # the other partition has none
        assert watch.answered == {"job-0", "job-3"}
