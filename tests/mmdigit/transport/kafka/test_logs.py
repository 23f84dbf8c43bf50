"""Listed messages of the Kafka client are logged at debug level; all others stay unchanged."""

import importlib
import inspect
import logging

import pytest
from kafka.errors import Cancelled

from mmdigit.transport.kafka.logs import DEMOTED_MESSAGES, quiet_client_logs

MODULES = {"kafka.coordinator": "kafka.coordinator.base", "kafka.coordinator.heartbeat": "kafka.coordinator.base"}


@pytest.mark.parametrize(
    ("name", "message"), [(name, each) for name, them in DEMOTED_MESSAGES.items() for each in them]
)
def test_demoted_messages_exist_in_kafka_python(name: str, message: str) -> None:
    source = inspect.getsource(importlib.import_module(MODULES.get(name, name)))
    joined = "".join(part.strip().strip("\"'") for part in source.split("\n"))
    assert message in source or message in joined


def test_quiet_client_logs_demotes_only_listed_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        quiet_client_logs()
    logger = logging.getLogger("kafka.cluster")
    caplog.set_level(logging.ERROR, "kafka")
    logging.getLogger("kafka.net.selector").error(f"Task t ran for 0.107s. {DEMOTED_MESSAGES['kafka.net.selector'][0]}")
    logger.error("Topic %s not found in cluster metadata", "jobs")
    logger.error("Metadata refresh: failed %s", Cancelled())
    logger.error("Metadata refresh: failed %s", "timed out")
    assert [record.getMessage() for record in caplog.records] == ["Metadata refresh: failed timed out"]
    caplog.clear()
    caplog.set_level(logging.DEBUG, "kafka")
    logger.error("Topic %s not found in cluster metadata", "jobs")
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]
