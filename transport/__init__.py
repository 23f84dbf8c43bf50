"""How records and predictions move: ports and their adapters."""

from schemas.redaction import redact
from transport.ports import Consumer, GroupCounts, PredictionStore, Publisher, Record, TopicPartition
from transport.urls import dead_letter_url, open_consumer, open_publisher, open_store

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
