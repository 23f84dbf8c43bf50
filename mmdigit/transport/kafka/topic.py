"""Whether the topic is there, and still the same one: read from each metadata answer that the client gets anyway."""

import base64
import logging
from typing import Any
from uuid import UUID

from kafka.errors import KafkaError

log = logging.getLogger(__name__)

LONGEST_PAUSE_MS = 5_000
"""Between looks for a topic that is gone: it is read again this much later at most."""

REFRESH_TIMEOUT_MS = 5_000
_NOTE = "topic-id="


class TopicWatch:
    """One topic, as the client's metadata show it. Its id changes when it is deleted and created again: offsets of the
    one say nothing of the other. Brokers before 2.8 have no ids; there the id is None and no change is noticed."""

    def __init__(self, cluster: Any, manager: Any, topic: str, place: str) -> None:
        self._cluster = cluster
        self._manager = manager
        self._topic = topic
        self._place = place
        self._pause_ms = cluster.config["retry_backoff_ms"]
        self._told: UUID | None = None
        self.missing = False
        self.read_id: UUID | None = cluster.topic_id(topic)
        """Of the topic whose offsets are read and committed."""
        cluster.add_listener(self._look)

    @property
    def is_recreated(self) -> bool:
        """Whether the topic of that name is another one than the one that is read."""
        known = self._cluster.topic_id(self._topic)
        return None not in (known, self.read_id) and known != self.read_id

    @property
    def is_gone(self) -> bool:
        """Whether the topic that is read is no more, be there another of its name or not."""
        return self.missing or self.is_recreated

    @property
    def note(self) -> str:
        """Stands beside each committed offset, so that nobody takes it for one of another topic of that name."""
        return "" if self.read_id is None else _NOTE + _as_tools_print(self.read_id)

    def is_of_another(self, note: str) -> bool:
        """Whether an offset with this note belongs to an earlier topic of that name. Notes of others say nothing."""
        known = self._cluster.topic_id(self._topic)
        return known is not None and note.startswith(_NOTE) and note != _NOTE + _as_tools_print(known)

    def refresh(self) -> None:
        """Ask for new metadata and wait for them; without an answer in time those that are known stay."""
        update = self._cluster.request_update()
        try:
            self._manager.run(self._manager.wait_for, update, REFRESH_TIMEOUT_MS)
        except KafkaError as error:
            log.debug("metadata not refreshed", extra={"error": str(error)})

    def read_new(self) -> None:
        """From now on the topic that is there now is the one that is read."""
        self.read_id = self._cluster.topic_id(self._topic) or self.read_id

    def say_recreated(self) -> None:
        """Warn, once for each new topic."""
        known = self._cluster.topic_id(self._topic)
        if known is not None and known != self._told:
            self._told = known
            log.warning(
                "the topic was deleted and created again; it is read from its beginning, the old offsets are dropped",
                extra={"topic": self._topic, "topic_id": _as_tools_print(known)},
            )

    def trouble(self) -> str:
        """What to do while the topic is missing, in one line; empty otherwise."""
        if not self.missing:
            return ""
        return f"poll: expected the topic {self._topic!r} at {self._place}, got no such topic; create it again"

    def _look(self, cluster: Any) -> None:
        """Called by the client's thread after each metadata answer. A client asks again for a topic that it misses,
        after a pause that grows here."""
        known = cluster.partitions_for_topic(self._topic) is not None
        missing = not known and self._topic not in cluster.unauthorized_topics
        if missing:
            cluster.config["retry_backoff_ms"] = min(2 * cluster.config["retry_backoff_ms"], LONGEST_PAUSE_MS)
            if not self.missing:
                log.error("the topic is gone; waiting for it", extra={"topic": self._topic, "place": self._place})
        elif self.missing:
            cluster.config["retry_backoff_ms"] = self._pause_ms
            log.info("the topic is there again", extra={"topic": self._topic})
        self.missing = missing
        self.read_id = self.read_id or cluster.topic_id(self._topic)


def _as_tools_print(topic_id: UUID) -> str:
    """As in the output of kafka-topics.sh --describe: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
