"""Demotes messages of kafka-python to debug level that are expected here or repeat a log line of this project."""

import logging

from kafka.errors import Cancelled

DEMOTED_MESSAGES = {
    # TopicWatcher logs this once; the client at each metadata update.
    "kafka.cluster": ("Topic %s not found in cluster metadata",),
    # The program exits with one line (to_mmdigit_error), or the Committer warns that it retries.
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
    # Happens on a busy machine; nothing is lost and nobody can act on it. The client formats it before it logs it.
    "kafka.net.selector": ("It is blocking the event loop -- likely a tight sync loop inside a coroutine.",),
}
"""By logger: messages, or parts of them, as they appear in the source. Messages of these loggers about a request that
was cancelled because this side closed the connection are demoted too."""


class _DemoteToDebug(logging.Filter):
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


def quiet_client_logs() -> None:
    """Install the filters. Safe to call twice."""
    for name, messages in DEMOTED_MESSAGES.items():
        logger = logging.getLogger(name)
        if not any(isinstance(old, _DemoteToDebug) for old in logger.filters):
            logger.addFilter(_DemoteToDebug(messages))
