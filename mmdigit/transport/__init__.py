"""Transport of records and predictions: the ports, and the functions that open their adapters."""

from mmdigit.transport.ports import Consumer, GroupCounts, Outcome, PredictionStore, Publisher, Record, TopicPartition
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store

__all__ = [
    "Consumer",
    "GroupCounts",
    "Outcome",
    "PredictionStore",
    "Publisher",
    "Record",
    "TopicPartition",
    "dead_letter_url",
    "open_consumer",
    "open_publisher",
    "open_store",
]
