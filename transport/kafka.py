"""Publisher and Consumer on Kafka, by kafka-python 3: how they are opened, after their topic was seen to exist."""

from collections.abc import Sequence

from transport.access import KafkaAccess
from transport.kafka_client import max_record_bytes as topic_max_record_bytes
from transport.kafka_consumer import KafkaTopicConsumer
from transport.kafka_publisher import KafkaTopicPublisher
from transport.ports import MAX_SENT_BYTES


def open_kafka_publisher(
    bootstrap: Sequence[str], topic: str, access: KafkaAccess | None = None
) -> KafkaTopicPublisher:
    """bootstrap: host:port of one or more brokers. Raises AccessError, TopicError, TransportError."""
    limit = topic_max_record_bytes(bootstrap, topic, MAX_SENT_BYTES, access)
    return KafkaTopicPublisher(bootstrap, topic, min(limit, MAX_SENT_BYTES), access)


def open_kafka_consumer(
    bootstrap: Sequence[str],
    topic: str,
    group: str,
    instance_id: str | None,
    max_record_bytes: int,
    access: KafkaAccess | None = None,
) -> KafkaTopicConsumer:
    """bootstrap: host:port of one or more brokers. Raises AccessError, TopicError, TransportError."""
    topic_max_record_bytes(bootstrap, topic, max_record_bytes, access)
    return KafkaTopicConsumer(bootstrap, topic, group, instance_id, max_record_bytes, access)
