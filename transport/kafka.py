"""Publisher and Consumer on Kafka, by kafka-python 3: how they are opened, after their topic was seen to exist."""

from collections.abc import Sequence

from transport.kafka_client import max_record_bytes as topic_max_record_bytes
from transport.kafka_consumer import KafkaTopicConsumer
from transport.kafka_publisher import KafkaTopicPublisher
from transport.ports import MAX_SENT_BYTES


def open_kafka_publisher(bootstrap: Sequence[str], topic: str) -> KafkaTopicPublisher:
    """bootstrap: host:port of one or more brokers. Raises TopicError, TransportError."""
    limit = topic_max_record_bytes(bootstrap, topic, MAX_SENT_BYTES)
    return KafkaTopicPublisher(bootstrap, topic, min(limit, MAX_SENT_BYTES))


def open_kafka_consumer(
    bootstrap: Sequence[str], topic: str, group: str, instance_id: str | None, max_record_bytes: int
) -> KafkaTopicConsumer:
    """bootstrap: host:port of one or more brokers. Raises TopicError, TransportError."""
    topic_max_record_bytes(bootstrap, topic, max_record_bytes)
    return KafkaTopicConsumer(bootstrap, topic, group, instance_id, max_record_bytes)
