"""The contract of PredictionStore, on SQLite, a real Redis server and a real Redis Cluster."""

import threading

import pytest

from lab.kit.polling import until
from lab.kit.services import free_port
from mmdigit.transport.ports import GroupCounts
from mmdigit.transport.urls import open_store
from schemas.errors import SettingsError, StoreError
from tests.adapters import Store
from tests.factories import make_dead_letter, make_prediction


def test_get_keeps_the_order_and_marks_missing_jobs(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(1), make_prediction(2)])
    assert opened.get(["job-2", "nobody", "job-1"]) == [make_prediction(2), None, make_prediction(1)]
    assert opened.get([]) == []


def test_put_survives_reopening(store: Store) -> None:
    with open_store(store.url) as first:
        first.put([make_prediction(1)])
    assert store.open().get(["job-1"]) == [make_prediction(1)]


def test_put_again_changes_neither_counts_nor_feed(store: Store) -> None:
    opened = store.open()
    batch = [make_prediction(number) for number in range(3)]
    for _ in range(3):
        opened.put(batch)
    opened.put([batch[0], batch[0]])
    assert opened.counts("g") == GroupCounts(done=3, dead=0)
    assert [prediction for _, prediction in opened.feed()] == batch


def test_put_again_replaces_the_prediction(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(1, label=1)])
    opened.put([make_prediction(1, label=2)])
    assert opened.get(["job-1"]) == [make_prediction(1, label=2)]


def test_counts_are_by_group_without_groupless_jobs(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(1, group="a"), make_prediction(2, group="b"), make_prediction(3, group=None)])
    assert opened.counts("a") == opened.counts("b") == GroupCounts(done=1, dead=0)
    assert opened.counts("never seen") == GroupCounts(done=0, dead=0)
    assert opened.get(["job-3"]) == [make_prediction(3, group=None)]


def test_put_dead_keeps_the_reason_and_counts_once(store: Store) -> None:
    opened = store.open()
    opened.put_dead_letters([make_dead_letter(1), make_dead_letter(None), make_dead_letter(2, reason="model_rejected")])
    opened.put_dead_letters([make_dead_letter(1)])
    assert opened.dead_letter_reasons(["job-2", "job-3", "job-1"]) == ["model_rejected", None, "invalid_image"]
    assert opened.dead_letter_reasons([]) == []
    assert opened.counts("g") == GroupCounts(done=0, dead=2)
    assert opened.get(["job-1"]) == [None]


def test_put_turns_a_dead_job_into_a_done_one(store: Store) -> None:
    opened = store.open()
    opened.put_dead_letters([make_dead_letter(1), make_dead_letter(2), make_dead_letter(3, group=None)])
    opened.put([make_prediction(1), make_prediction(3, group=None)])
    assert opened.dead_letter_reasons(["job-1", "job-2", "job-3"]) == [None, "invalid_image", None]
    assert opened.counts("g") == GroupCounts(done=1, dead=1)


def test_put_dead_does_not_replace_a_prediction(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(1)])
    opened.put_dead_letters([make_dead_letter(1)])
    assert opened.dead_letter_reasons(["job-1"]) == [None]
    assert opened.counts("g") == GroupCounts(done=1, dead=0)


def test_put_of_nothing_stores_nothing(store: Store) -> None:
    opened = store.open()
    opened.put([])
    opened.put_dead_letters([])
    opened.put_dead_letters([make_dead_letter(None)])
    assert opened.feed() == []


def test_feed_continues_after_a_position(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(number) for number in range(5)])
    first = opened.feed(limit=2)
    assert [prediction.job_id for _, prediction in first] == ["job-0", "job-1"]
    assert [prediction.job_id for _, prediction in opened.feed(first[-1][0])] == ["job-2", "job-3", "job-4"]
    last = opened.feed()[-1][0]
    assert opened.feed(last) == []
    opened.put([make_prediction(9)])
    assert [prediction.job_id for _, prediction in opened.feed(last)] == ["job-9"]


def test_feed_keeps_about_the_newest(store: Store) -> None:
    opened = store.open(feed_length=10)
    for start in range(0, 300, 10):
        opened.put([make_prediction(number) for number in range(start, start + 10)])
    kept = [prediction.job_id for _, prediction in opened.feed()]
    assert kept[-10:] == [f"job-{number}" for number in range(290, 300)]
    if store.kind != "redis-cluster":  # tests/mmdigit/transport/redis/test_cluster.py
        assert kept == [f"job-{number}" for number in range(300 - len(kept), 300)]
        assert len(kept) <= 10 + 100  # Redis drops whole nodes of its stream


def test_feed_waits_for_the_first_prediction(store: Store) -> None:
    reader, writer = store.open(), store.open()
    assert reader.feed(timeout_s=0.05) == []
    timer = threading.Timer(0.1, writer.put, [[make_prediction(1)]])
    timer.start()
    try:
        assert [prediction for _, prediction in reader.feed(timeout_s=20)] == [make_prediction(1)]
    finally:
        timer.join()


def test_feed_refuses_an_invalid_position(store: Store) -> None:
    with pytest.raises(SettingsError, match="position"):
        store.open().feed("yesterday")


def test_feed_end_is_after_the_newest_prediction(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(number) for number in range(200)])
    end = opened.feed_end()
    assert end == opened.feed()[-1][0]
    assert opened.feed(end) == []
    opened.put([make_prediction(number) for number in range(100, 300)])  # the first half is not new
    assert [prediction.job_id for _, prediction in opened.feed(end)] == [f"job-{number}" for number in range(200, 300)]
    assert opened.feed(opened.feed_end()) == []


def test_feed_end_of_an_empty_feed(store: Store) -> None:
    reader, writer = store.open(), store.open()
    end = reader.feed_end()
    assert reader.feed(end) == []
    writer.put([make_prediction(1), make_prediction(2)])
    assert [prediction for _, prediction in reader.feed(end)] == [make_prediction(1), make_prediction(2)]


def test_feed_end_holds_when_the_feed_is_trimmed(store: Store) -> None:
    opened = store.open(feed_length=10)
    opened.put([make_prediction(number) for number in range(300)])
    end = opened.feed_end()
    assert opened.feed(end) == []
    opened.put([make_prediction(300)])
    assert [prediction.job_id for _, prediction in opened.feed(end)] == ["job-300"]
    for start in range(301, 901, 100):
        opened.put([make_prediction(number) for number in range(start, start + 100)])  # drops what end follows
    assert [prediction.job_id for _, prediction in opened.feed(end)][-10:] == [f"job-{n}" for n in range(891, 901)]


def test_feed_end_survives_the_expiry_of_predictions(store: Store) -> None:
    opened = store.open(ttl_s=1)
    opened.put([make_prediction(1)])
    until(lambda: opened.get(["job-1"]) == [None], "an expiry")
    end = opened.feed_end()
    assert opened.feed(end) == []
    opened.put([make_prediction(1)])
    assert [prediction.job_id for _, prediction in opened.feed(end)] == ["job-1"]


def test_expired_predictions_are_gone(store: Store) -> None:
    opened = store.open(ttl_s=1)
    opened.put([make_prediction(1)])
    opened.put_dead_letters([make_dead_letter(2)])
    until(lambda: opened.get(["job-1"]) == [None] and opened.dead_letter_reasons(["job-2"]) == [None], "an expiry")
    until(lambda: opened.counts("g") == GroupCounts(done=0, dead=0), "the counts' expiry")
    opened.put([make_prediction(1)])
    assert opened.counts("g") == GroupCounts(done=1, dead=0)


def test_counts_include_a_job_of_two_writers_once(store: Store) -> None:
    batches = [[make_prediction(number) for number in range(start, start + 20)] for start in range(0, 200, 10)]

    def put_all() -> None:
        with open_store(store.url) as opened:
            for batch in batches:
                opened.put(batch)

    threads = [threading.Thread(target=put_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    opened = store.open()
    assert opened.counts("g") == GroupCounts(done=210, dead=0)
    assert len(opened.feed()) == 210


def test_close_twice_is_safe(store: Store) -> None:
    opened = store.open()
    opened.close()
    opened.close()


@pytest.mark.parametrize("scheme", ["sqlite", "redis"])
def test_unreachable_store_is_a_one_line_error(scheme: str) -> None:
    url = {
        "sqlite": "sqlite:////proc/nowhere.db",
        "redis": f"redis://user:secret-word@127.0.0.1:{free_port()}/0",
    }[scheme]
    with pytest.raises(StoreError, match="expected") as caught:
        open_store(url)
    assert "\n" not in str(caught.value)
    assert "secret-word" not in str(caught.value)
