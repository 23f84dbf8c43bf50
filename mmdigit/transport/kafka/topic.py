"""Watches whether the topic exists and is still the same one, in each metadata response that the client receives."""

import base64
import logging
from typing import Any
from uuid import UUID

from kafka.errors import KafkaError

log = logging.getLogger(__name__)

MAX_PAUSE_MS = 5_000
"""The longest pause between checks for a missing topic, and so the longest delay before it is read again."""

REFRESH_TIMEOUT_MS = 5_000
_METADATA_PREFIX = "topic-id="


class TopicWatcher:
    """One topic in the client's metadata.

    A topic that is deleted and created again gets a new id, and old offsets mean nothing in it. Brokers before 2.8 have
    no topic ids; there the id is None and a recreated topic goes unnoticed.
    """

    def __init__(self, cluster: Any, manager: Any, topic: str, address: str) -> None:
        self._cluster = cluster
        self._manager = manager
        self._topic = topic
        self._address = address
        self._pause_ms = cluster.config["retry_backoff_ms"]
        self._warned_of: UUID | None = None
        self.missing = False
        self.read_id: UUID | None = cluster.topic_id(topic)
        """The id of the topic whose offsets are read and committed."""
        cluster.add_listener(self._on_metadata)

    @property
    def is_recreated(self) -> bool:
        """Whether the topic now has another id than the one that is read."""
        known = self._cluster.topic_id(self._topic)
        return None not in (known, self.read_id) and known != self.read_id

    @property
    def is_gone(self) -> bool:
        """Whether the topic that is read no longer exists, even if another one has its name."""
        return self.missing or self.is_recreated

    @property
    def offset_metadata(self) -> str:
        """Committed with each offset, to tell which topic of this name it belongs to."""
        return "" if self.read_id is None else _METADATA_PREFIX + _as_kafka_tools_print(self.read_id)

    def is_from_old_topic(self, metadata: str) -> bool:
        """Whether this offset metadata names an earlier topic of the same name. Ignores other programs' metadata."""
        known = self._cluster.topic_id(self._topic)
        return (
            known is not None
            and metadata.startswith(_METADATA_PREFIX)
            and metadata != _METADATA_PREFIX + _as_kafka_tools_print(known)
        )

    def refresh(self) -> None:
        """Request new metadata and wait for them; after a timeout, keep the current ones."""
        update = self._cluster.request_update()
        try:
            self._manager.run(self._manager.wait_for, update, REFRESH_TIMEOUT_MS)
        except KafkaError as error:
            log.debug("metadata not refreshed", extra={"error": str(error)})

    def adopt_new_topic(self) -> None:
        """Read the current topic from now on."""
        self.read_id = self._cluster.topic_id(self._topic) or self.read_id

    def warn_recreated(self) -> None:
        """Warn, once for each new topic."""
        known = self._cluster.topic_id(self._topic)
        if known is not None and known != self._warned_of:
            self._warned_of = known
            log.warning(
                "the topic was deleted and created again; reading it from the beginning, discarding old offsets",
                extra={"topic": self._topic, "topic_id": _as_kafka_tools_print(known)},
            )

    def waiting_for(self) -> str:
        """What to do while the topic is missing, in one line; else empty."""
        if not self.missing:
            return ""
        return f"poll: expected the topic {self._topic!r} at {self._address}, got no such topic; create it again"

    def _on_metadata(self, cluster: Any) -> None:
        """Called in the client's thread after each metadata response.

        The client repeats its request while a topic is missing; the pause between requests grows here.
        """
        known = cluster.partitions_for_topic(self._topic) is not None
        missing = not known and self._topic not in cluster.unauthorized_topics
        if missing:
            cluster.config["retry_backoff_ms"] = min(2 * cluster.config["retry_backoff_ms"], MAX_PAUSE_MS)
            if not self.missing:
                log.error(
                    "the topic is missing; waiting for it", extra={"topic": self._topic, "address": self._address}
                )
        elif self.missing:
            cluster.config["retry_backoff_ms"] = self._pause_ms
            log.info("the topic exists again", extra={"topic": self._topic})
        self.missing = missing
        self.read_id = self.read_id or cluster.topic_id(self._topic)


def _as_kafka_tools_print(topic_id: UUID) -> str:
    """As kafka-topics.sh --describe prints it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
