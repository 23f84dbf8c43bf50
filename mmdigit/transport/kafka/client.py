"""What the Kafka publisher and consumer share: connecting in bounded time, and the mapping of every Kafka error."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    FencedInstanceIdError,
    GroupIdNotFoundError,
    GroupMaxSizeReachedError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RebalanceInProgressError,
    RecordListTooLargeError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.net.compat import KafkaNetClient

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.kafka.access import WatchedConnections, client_arguments, likely_cause, why_refused
from mmdigit.transport.kafka.logs import quieten
from mmdigit.transport.kafka.sockets import ClosingSelector, mend_sockets
from schemas.errors import (
    AccessError,
    InvalidRecord,
    MmdigitError,
    RebalanceError,
    SettingsError,
    TopicError,
    TransportError,
)

BOOTSTRAP_TIMEOUT_S = 10.0
"""How long a start waits for the first broker that answers; afterwards the client reconnects by itself."""

RECONNECT_MAX_MS = 2_000
"""Between attempts to reach a broker that is away (kafka-python's default lets a restarted one wait for 30 s)."""

METADATA_MAX_AGE_MS = 3_000
"""Partitions that are added to a topic are used, and a topic that was created again is noticed, this much later at
most. The answer for a topic of 24 partitions takes the client 2 ms of CPU, so this takes 0.07 % of a core."""

Client = TypeVar("Client")
_MOVED = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

# Its warnings are for programs that set up logging; the others get our one line and no more.
_client_log = logging.getLogger("kafka")
_client_log.addHandler(logging.NullHandler())


@contextmanager
def mapped(place: str) -> Iterator[None]:
    """Turn every error of kafka-python inside into one of ours. place: host:port,host:port/topic, for the message."""
    try:
        yield
    except KafkaError as error:
        raise our_error(error, place) from error


def our_error(error: BaseException, place: str) -> MmdigitError:
    """The error of ours that stands for one of kafka-python's."""
    topic = place.rpartition("/")[2]
    if isinstance(error, UnknownTopicOrPartitionError):
        return TopicError(
            f"expected the topic {topic!r} at {place}, got no such topic; create it: kafka-topics.sh --create "
            f"--topic {topic} --partitions 6 --bootstrap-server {place.partition(',')[0].partition('/')[0]}"
        )
    if isinstance(error, AuthorizationError):
        return _refused(error, place, KafkaAccess())
    if isinstance(error, FencedInstanceIdError):
        return SettingsError(
            f"expected to be the only consumer of {place} with its --instance-id, got fenced by another that started "
            "with the same one; give each an --instance-id of its own"
        )
    if isinstance(error, InconsistentGroupProtocolError | InvalidGroupIdError | GroupIdNotFoundError):
        return SettingsError(
            f"expected a consumer group for {place} that workers may join, got {error}: programs of another kind use "
            "the group; set another --consumer-group, or stop them"
        )
    if isinstance(error, InvalidSessionTimeoutError):
        return SettingsError(
            f"expected the broker of {place} to take a session time-out of 10 s (45 s with --instance-id), got a "
            "refusal; set its group.min.session.timeout.ms and group.max.session.timeout.ms so that they allow it"
        )
    if isinstance(error, GroupMaxSizeReachedError):
        return TransportError(
            f"expected room in the consumer group for {place}, got a full one; run fewer workers, or raise "
            "group.max.size of the broker"
        )
    if isinstance(error, _MOVED):
        return RebalanceError(
            f"expected to be the owner of partitions of {place}, got {error}; their owner repeats the work"
        )
    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
        return InvalidRecord(f"expected a record that {place} takes, got {error}; raise the topic's max.message.bytes")
    return TransportError(f"expected an answer from Kafka at {place}, got {error}; check the address and the broker")


def _refused(error: BaseException, place: str, access: KafkaAccess) -> AccessError:
    return AccessError(f"expected to be let in by Kafka at {place}, got a refusal: {why_refused(error, access)}")


def connect(
    make: Callable[..., Client],
    bootstrap: Sequence[str],
    access: KafkaAccess | None = None,
    *,
    timeout_s: float | None = None,
    **settings: Any,
) -> Client:
    """Make a client of kafka-python. Its constructor waits for a broker; when it fails it leaves a thread and sockets
    behind, which are closed here. Raises AccessError if the brokers refuse, SettingsError for an unusable file."""
    access = access or KafkaAccess()
    opened: list[KafkaNetClient] = []
    watched: list[WatchedConnections] = []

    def net_client(**config: Any) -> KafkaNetClient:
        net = ClosingSelector(**config)
        watched.append(WatchedConnections(net, access, **config))
        opened.append(KafkaNetClient(net=net, manager=watched[-1]))
        return opened[-1]

    mend_sockets()
    quieten()
    security = client_arguments(access)
    # What it logs of each attempt would bury the one line that follows from them.
    _client_log.propagate = _client_log.isEnabledFor(logging.DEBUG)

    try:
        return make(
            bootstrap_servers=list(bootstrap),
            bootstrap_timeout_ms=int(1000 * (BOOTSTRAP_TIMEOUT_S if timeout_s is None else timeout_s)),
            reconnect_backoff_max_ms=RECONNECT_MAX_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            client_id="mmdigit",
            kafka_client=net_client,
            **security,
            **settings,
        )
    except BaseException as error:
        for client in opened:
            client.close()
        refusals = [connections.last_refusal for connections in watched if connections.last_refusal is not None]
        if refusals and isinstance(error, Exception):
            raise _refused(refusals[-1], ",".join(bootstrap), access) from refusals[-1]
        if isinstance(error, KafkaTimeoutError):
            raise TransportError(
                f"expected an answer from Kafka at {','.join(bootstrap)}, got {error}; {likely_cause(access)}"
            ) from error
        raise
    finally:
        _client_log.propagate = True


def max_record_bytes(bootstrap: Sequence[str], topic: str, default: int, access: KafkaAccess | None = None) -> int:
    """How large a record the topic takes, or default where this user may not see its settings.

    Raises TopicError if the topic does not exist: asked of the broker, since a client would create it or wait for it.
    """
    place = f"{','.join(bootstrap)}/{topic}"
    with mapped(place):
        admin = connect(KafkaAdminClient, bootstrap, access)
        try:
            (description,) = admin.describe_topics([topic])
            error_type = for_code(description["error_code"])
            if issubclass(error_type, KafkaError) and description["error_code"] != 0:
                raise error_type()
            try:
                found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
                return int(found["topic"][topic]["max.message.bytes"]["value"])
            except (KafkaError, KeyError):
                return default
        finally:
            admin.close()
