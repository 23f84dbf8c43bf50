"""A topic is deleted, recreated, trimmed or extended, with or without a running worker: no loss goes unreported."""

import logging
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import TopicPartition as KafkaPartition
from kafka.structs import OffsetAndMetadata

from lab.kit.polling import until
from lab.kit.services import free_port, replace_topics
from mmdigit.consuming.health import LoopHealth
from mmdigit.transport.kafka.client import METADATA_MAX_AGE_MS
from samples.running import RunningWorker
from tests.conftest import KafkaTopic
from tests.integration.kafka_worker import LocalWorker, Topic, said

pytestmark = pytest.mark.docker
CREATED_AGAIN = "the topic was deleted and created again; reading it from the beginning, discarding old offsets"


@pytest.fixture
def topic(kafka_topic: KafkaTopic) -> Topic:
    return Topic(kafka_topic(3))


def names(word: str, count: int) -> list[str]:
    return [f"{word}-{number}" for number in range(count)]


@pytest.mark.parametrize(("after", "partitions"), [(100, 3), (900, 3), (500, 1), (500, 5)])
def test_recreated_topic_is_read_from_its_beginning(
    topic: Topic, after: int, partitions: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = topic.publish(names("before", 400))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(before), "the jobs of the old topic")
        topic.recreate(partitions)
        new = topic.publish(names("after", after))
        one.work_until(one.has_answered(new), "the jobs of the new topic")
        one.work_until(lambda: topic.committed() == topic.ends(), "offsets of the new topic")
        assert one.lag() == 0
    assert said(caplog).count(CREATED_AGAIN) == 1
    assert not [record for record in caplog.records if record.exc_info]


def test_recreated_topic_loses_nothing_with_two_workers(topic: Topic) -> None:
    before = topic.publish(names("before", 300))
    with LocalWorker(topic) as one, LocalWorker(topic) as two, ThreadPoolExecutor() as threads:
        workers = [threads.submit(each.worker.run) for each in (one, two)]

        def await_all(jobs: list[str], what: str) -> None:
            until(lambda: set(jobs) <= one.store.predictions.keys() | two.store.predictions.keys(), what)

        try:
            until(lambda: one.worker.assigned and two.worker.assigned, "partitions at both")
            await_all(before, "the jobs of the old topic")
            topic.recreate(3)
            await_all(topic.publish(names("after", 600)), "the jobs of the new topic")
        finally:
            for each in (one, two):
                each.worker.stop()
        for worker in workers:
            worker.result()
    assert topic.committed() == topic.ends()


def test_batch_of_the_old_topic_is_stored_and_not_committed(topic: Topic) -> None:
    old = topic.publish(names("old", 60))
    with LocalWorker(topic, batch_size=80, batch_wait_s=60.0, commit_every_s=0.0) as one:
        one.work_until(lambda: one.metrics.registry.get_sample_value("mmdigit_in_flight_jobs") == 60, "all in hand")
        topic.delete()
        one.work_until(one.consumer.waiting_for, "the topic's end noticed")
        topic.create(3)
        new = topic.publish(names("new", 20))  # fills the batch
        one.work_until(one.has_answered([*old, *new]), "all jobs of both")
    # The broker drops the offsets of a deleted topic late, and may drop the first ones of the new topic with them.
    later = topic.publish(names("later", 30))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(later), "later jobs")
        one.work_until(lambda: topic.committed() == topic.ends(), "offsets of the new topic")
        assert sum(topic.committed().values()) == 50


def test_start_ignores_commits_to_an_earlier_topic(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    """As if the broker had kept them, or an unaware worker had committed again."""
    before = topic.publish(names("before", 30))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(before), "the jobs of the old topic")
        one.work_until(lambda: topic.committed() == topic.ends(), "offsets of the old topic")
    committed = topic.ask(lambda admin: admin.list_group_offsets({topic.group: None}))[topic.group]
    assert all(offset.metadata.startswith("topic-id=") for offset in committed.values())
    topic.recreate(3)
    new = topic.publish(names("after", 90))
    topic.ask(lambda admin: admin.alter_group_offsets(topic.group, committed))
    with LocalWorker(topic) as another:
        another.work_until(another.has_answered(new), "the jobs of the new topic")
    assert said(caplog).count(CREATED_AGAIN) == 1


def test_offsets_set_by_an_operator_are_used(topic: Topic) -> None:
    jobs = topic.publish(names("job", 30))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(jobs), "the jobs")
    ends = topic.ends()
    topic.ask(
        lambda admin: admin.reset_group_offsets(
            topic.group, {KafkaPartition(topic.name, partition): end - 1 for partition, end in ends.items()}
        )
    )
    with LocalWorker(topic) as another:
        another.work_until(lambda: len(another.store.predictions) == 3, "the last job of each partition")
        another.work_until(lambda: topic.committed() == ends, "all committed")
        assert len(another.store.predictions) == 3


def test_missing_topic_is_named_once_and_resumed(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mmdigit.transport")
    before = topic.publish(names("before", 30))
    with LocalWorker(topic) as one:
        health = LoopHealth(stuck_after_s=60)
        health.loop = one.worker
        one.work_until(one.has_answered(before), "the jobs of the old topic")
        topic.delete()
        one.work_until(lambda: not one.worker.assigned, "no partitions")
        cluster = one.consumer._consumer._cluster  # type: ignore[attr-defined]
        looks: list[object] = []
        cluster.add_listener(looks.append)
        one.work_until(lambda: cluster.config["retry_backoff_ms"] >= 1600, "pauses that grow")
        ready = health.ready()
        assert not ready.ok
        assert topic.name in ready.message
        assert "create it again" in ready.message
        assert len(looks) <= 6
        assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
        topic.create(2)
        one.work_until(one.has_answered(topic.publish(names("after", 50))), "the jobs of the new topic")
        assert health.ready().ok
    assert [message for message in said(caplog, logging.ERROR) if "the topic is missing" in message] == [
        "the topic is missing; waiting for it"
    ]


def test_records_deleted_unread_are_counted_and_named(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    before = topic.publish(names("before", 90))
    place = KafkaPartition(topic.name, 0)
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(before), "the first jobs")
        committed = topic.ends()
        one.work_until(lambda: topic.committed() == committed, "their offsets")
    topic.publish(names("lost", 150))
    end = topic.ends()[0]
    topic.ask(lambda admin: admin.delete_records({place: end}))
    with LocalWorker(topic) as another:
        another.work_until(lambda: another.lost("retention"), "what is lost")
        new = topic.publish(names("after", 60))
        another.work_until(another.has_answered(new), "the jobs that are left")
        another.work_until(lambda: topic.committed() == topic.ends(), "all committed")
        assert another.lost("retention") == end - committed[0]
        assert another.lost("truncation") == 0
    (warning,) = [vars(record) for record in caplog.records if "deleted before they were read" in record.message]
    assert (warning["topic"], warning["partition"], warning["lost"]) == (topic.name, 0, end - committed[0])
    assert (warning["from_offset"], warning["to_offset"]) == (committed[0], end - 1)


def test_records_deleted_under_a_worker_are_counted(topic: Topic) -> None:
    topic.publish(names("job", 300))
    ends = topic.ends()
    with LocalWorker(topic, batch_size=1) as one:
        one.work_until(lambda: one.store.predictions, "a first job")
        consumer = one.consumer._consumer  # type: ignore[attr-defined]
        consumer._fetcher._completed_fetches.clear()  # as if the rest were not fetched yet
        consumer._fetcher._next_partition_records = None
        topic.ask(
            lambda admin: admin.delete_records({KafkaPartition(topic.name, place): end for place, end in ends.items()})
        )
        one.work_until(lambda: one.lost("retention") + len(one.store.predictions) == 300, "all lost or answered")
        assert one.lost("retention") > 200


def test_offset_beyond_the_end_restarts_at_the_beginning(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    jobs = topic.publish(names("job", 30))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(jobs), "the jobs")
        one.work_until(lambda: topic.committed() == topic.ends(), "their offsets")
    end = topic.ends()[1]
    committed = topic.ask(lambda admin: admin.list_group_offsets({topic.group: None}))[topic.group]
    place = KafkaPartition(topic.name, 1)
    topic.ask(lambda admin: admin.alter_group_offsets(topic.group, {place: committed[place]._replace(offset=end + 70)}))
    with LocalWorker(topic) as another:
        another.work_until(lambda: another.lost("truncation"), "the offset that is wrong")
        another.work_until(lambda: len(another.store.predictions) == end, "the partition's jobs once more")
        another.work_until(lambda: topic.committed() == topic.ends(), "all committed")
        assert another.lost("truncation") == 70
    (warning,) = [vars(record) for record in caplog.records if "the log ends before" in record.message]
    assert (warning["partition"], warning["lost"], warning["from_offset"]) == (1, 70, end)


@pytest.mark.parametrize("way", ["poll", "keep_alive"])
def test_shorter_log_of_a_new_leader_is_followed(topic: Topic, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """As if five more records had been read from a lost leader."""
    jobs = topic.publish(names("job", 30))
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(jobs), "the jobs")
        subscription = one.consumer._consumer._subscription  # type: ignore[attr-defined]
        place, end = KafkaPartition(topic.name, 2), topic.ends()[2]
        subscription.seek(place, OffsetAndMetadata(end + 5, "", 0))
        subscription.request_position_validation(place)
        turn = one.worker.run_once if way == "poll" else one.consumer.keep_alive
        until(lambda: turn() or one.lost("truncation"), "the logs' parting")
        assert one.lost("truncation") == 5
        one.work_until(one.has_answered(topic.publish(names("after", 30))), "the jobs of the new leader")
        one.work_until(lambda: topic.committed() == topic.ends(), "all committed")
    assert len([message for message in said(caplog) if "the log ends before" in message]) == 1


def test_added_partitions_are_read_within_ten_seconds(topic: Topic, tmp_path: Path) -> None:
    from mmdigit.transport.urls import open_publisher

    with LocalWorker(topic) as one, open_publisher(topic.url) as publisher:
        one.work_until(lambda: len(one.worker.assigned) == 3, "all partitions")
        publisher.send(None, b"")  # it learns of three partitions
        publisher.flush(10)
        rebalances = one.metrics.registry.get_sample_value("mmdigit_rebalances_total", {"event": "assigned"})
        assert rebalances == 1
        topic.ask(lambda admin: admin.create_partitions({topic.name: 6}))
        one.work_until(lambda: len(one.worker.assigned) == 6, "the new partitions")
        assert METADATA_MAX_AGE_MS < 10_000

        def used() -> bool:
            for number in range(60):
                publisher.send(str(number).encode(), b"")
            publisher.flush(10)
            return all(topic.ends().values())

        until(used, "a record of the same publisher in each partition")
        assert one.metrics.registry.get_sample_value("mmdigit_rebalances_total", {"event": "assigned"}) == 2


def test_worker_waits_for_topics_that_do_not_exist_yet(kafka_bootstrap: str, tmp_path: Path) -> None:
    name, port = f"later-{uuid.uuid4().hex[:8]}", free_port()

    def ready() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    url, store = f"kafka://{kafka_bootstrap}/{name}", f"sqlite:///{tmp_path / 'store.db'}"
    options = ("--topic-wait-s", "100", "--metrics-port", str(port))
    with RunningWorker(url, store, tmp_path / "worker.log", options) as worker:
        until(lambda: f"{name}.dead" in ready(), "a worker that says which topic is missing")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as alive:
            assert alive.status == 200
        replace_topics(kafka_bootstrap, name, 2, obsolete=[])
        until(lambda: ready().startswith("ready, 2 partitions"), "a worker with partitions")
        assert worker.log.read_text().count("waiting for a topic") == 1
