"""Publisher and Consumer on Kafka, by kafka-python 3: how they are opened, after their topic was seen to exist."""

from collections.abc import Sequence

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.kafka.client import max_record_bytes as topic_max_record_bytes
from mmdigit.transport.kafka.consumer import KafkaTopicConsumer
from mmdigit.transport.kafka.publisher import KafkaTopicPublisher
from mmdigit.transport.ports import MAX_SENT_BYTES


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
