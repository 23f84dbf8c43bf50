"""Watch sees the outcomes of its group as they arrive, on a SQLite file."""

import time
from pathlib import Path

from lab.faults.watch import Watch
from lab.kit.polling import until
from mmdigit.transport.urls import open_store
from tests.factories import make_dead_letter, make_prediction


def test_watch_counts_only_later_outcomes_as_recovery(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with open_store(url) as store, Watch(url, "g") as watch:
        store.put([make_prediction(0), make_prediction(1, group="another")])
        store.put_dead_letters([make_dead_letter(2)])
        until(lambda: watch.outcomes == 2, "two outcomes")
        assert watch.catch_up(30)
        ended_s = time.monotonic()
        assert watch.await_all_partitions(1, 0.0, 30.0) is not None
        assert watch.await_all_partitions(1, ended_s, 0.05) is None
        store.put([make_prediction(3)])
        took_s = watch.await_all_partitions(1, ended_s, 30.0)
        assert took_s is not None
        assert took_s > 0
        assert watch.await_all_partitions(2, ended_s, 0.05) is None  # the other partition has none
        assert watch.answered == {"job-0", "job-3"}
