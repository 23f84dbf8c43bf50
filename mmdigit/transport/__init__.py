"""How records and predictions move: ports and their adapters."""

from mmdigit.settings.redaction import redact
from mmdigit.transport.ports import Consumer, GroupCounts, PredictionStore, Publisher, Record, TopicPartition
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store

__all__ = [
    "Consumer",
    "GroupCounts",
    "PredictionStore",
    "Publisher",
    "Record",
    "TopicPartition",
    "dead_letter_url",
    "open_consumer",
    "open_publisher",
    "open_store",
    "redact",
]
