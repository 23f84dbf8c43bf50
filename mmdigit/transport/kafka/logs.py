"""What kafka-python logs too loudly, in one table: expected here, or said in a line of this project's own."""

import logging

from kafka.errors import Cancelled

QUIETER = {
    # TopicWatch says it once; the client at each look.
    "kafka.cluster": ("Topic %s not found in cluster metadata",),
    # The program ends with one line (our_error), or the Committer warns that it tries again.
    "kafka.coordinator": (
        "Attempt to join group %s failed due to fatal error: %s",
        "SyncGroup for group %s failed due to fenced id error: %s",
    ),
    "kafka.coordinator.heartbeat": (
        "Heartbeat failed for group %s due to fenced id error: %s",
        "Heartbeat thread caught fenced group_instance_id %s error",
    ),
    "kafka.coordinator.consumer": (
        "OffsetCommit for group %s failed due to fenced id error: %s",
        "Group %s failed to commit partition %s at offset %s: %s",
    ),
    # A busy machine: nothing is lost, and nobody can act on it. The client fills it in before it logs it.
    "kafka.net.selector": ("It is blocking the event loop -- likely a tight sync loop inside a coroutine.",),
}
"""By logger: the messages, or a part of each, as they stand in its source, that are of level debug here. So is what
these loggers say of a request that ended because this side closed the connection."""


class _Quieter(logging.Filter):
    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__()
        self._messages = messages

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        listed = any(message in str(record.msg) for message in self._messages)
        if not listed and not any(isinstance(each, Cancelled) for each in arguments):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def quieten() -> None:
    """Put the filters in place. Harmless to repeat."""
    for name, messages in QUIETER.items():
        logger = logging.getLogger(name)
        if not any(isinstance(old, _Quieter) for old in logger.filters):
            logger.addFilter(_Quieter(messages))
