"""A worker in this process on a real broker, with a fake model and store; and a topic that tests change."""

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from kafka import TopicPartition as KafkaPartition
from kafka.admin import OffsetSpec
from kafka.errors import TopicAlreadyExistsError

from lab.kit.polling import until
from lab.kit.services import kafka_admin
from mmdigit.transport.urls import open_consumer, open_publisher
from tests.worker.fakes import FakeModel, FakePublisher, FakeStore, job_value
from worker.loop import Worker
from worker.metrics import Metrics
from worker.settings import WorkerSettings


class LocalWorker(AbstractContextManager["LocalWorker"]):
    """A worker that turns only on demand."""

    def __init__(self, topic: "Topic", instance_id: str | None = None, **options: object) -> None:
        self.store = FakeStore()
        self.metrics = Metrics()
        self.consumer = open_consumer(topic.url, group=topic.group, instance_id=instance_id)
        fields: dict[str, object] = {"from": topic.url, "store": "sqlite:///unused.db", "retry_max_s": 0.1}
        settings = WorkerSettings.model_validate(fields | options)
        self.worker = Worker(settings, FakeModel(), self.consumer, self.store, FakePublisher(), self.metrics)

    def work_until(self, look: Callable[[], object], what: str) -> None:
        def turn() -> object:
            self.worker.run_once()
            return look()

        until(turn, what, pause_s=0)

    def has_answered(self, jobs: Iterable[str]) -> Callable[[], bool]:
        wanted = set(jobs)
        return lambda: wanted <= self.store.predictions.keys()

    def lost(self, cause: str) -> float:
        value = self.metrics.registry.get_sample_value("mmdigit_records_expired_total", {"cause": cause})
        assert value is not None
        return value

    def lag(self) -> int:
        return sum(self.consumer.lag().values())

    def __exit__(self, *exc_info: object) -> None:
        self.consumer.close()


class Topic:
    """A topic, and what operators do to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bootstrap, self.name = url.removeprefix("kafka://").split("/")
        self.group = f"readers-of-{self.name}"  # one for each topic: a static member stays in its group for a while

    def publish(self, jobs: Iterable[str]) -> list[str]:
        names = list(jobs)
        with open_publisher(self.url) as publisher:
            for name in names:
                publisher.send(name.encode(), job_value(name))
            publisher.flush(30)
        return names

    def delete(self) -> None:
        self.ask(lambda admin: admin.delete_topics([self.name]))

    def create(self, partitions: int) -> None:
        def made(admin: Any) -> bool:
            try:
                admin.create_topics({self.name: {"num_partitions": partitions, "replication_factor": 1}})
            except TopicAlreadyExistsError:  # the old topic is still being deleted
                return False
            return True

        until(lambda: self.ask(made), "a topic created again")
        until(lambda: self.ask(lambda admin: admin.describe_topics([self.name]))[0]["error_code"] == 0, "its leaders")

    def recreate(self, partitions: int) -> None:
        self.delete()
        self.create(partitions)

    def ends(self) -> dict[int, int]:
        """The offset after the last record or marker of each partition."""
        (described,) = self.ask(lambda admin: admin.describe_topics([self.name]))
        places = [KafkaPartition(self.name, place["partition_index"]) for place in described["partitions"]]
        latest = dict.fromkeys(places, OffsetSpec.LATEST)
        found = self.ask(lambda admin: admin.list_partition_offsets(latest))
        return {place.partition: offset.offset for place, offset in found.items()}

    def committed(self) -> dict[int, int]:
        """The committed offset of the group, by partition."""
        offsets = self.ask(lambda admin: admin.list_group_offsets({self.group: None}))[self.group]
        return {place.partition: offset.offset for place, offset in offsets.items() if place.topic == self.name}

    def ask(self, question: Callable[[Any], Any]) -> Any:
        admin = kafka_admin(self.bootstrap)
        try:
            return question(admin)
        finally:
            admin.close()


def said(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """The messages of this project's loggers at that level or above."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= level and record.name.split(".")[0] in ("mmdigit", "worker")
    ]
