"""Shared by the Kafka publisher and consumer: connecting in bounded time, and mapping every kafka-python error."""

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
from mmdigit.transport.kafka.access import RefusalTracker, client_arguments, connection_advice, refusal_reason
from mmdigit.transport.kafka.logs import quiet_client_logs
from mmdigit.transport.kafka.sockets import ClosingSelector, patch_sockets
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
"""How long a start waits for the first broker to answer. Afterwards the client reconnects by itself."""

RECONNECT_MAX_MS = 2_000
"""The longest pause between attempts to reach a broker (kafka-python's default may delay a reconnect by 30 s)."""

METADATA_MAX_AGE_MS = 3_000
"""How soon the client notices new partitions or a recreated topic. Metadata of 24 partitions takes 2 ms of CPU, so this
costs 0.07 % of a core."""

T = TypeVar("T")
_LOST_MEMBERSHIP = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

# Programs that do not configure logging get our one line and none of kafka-python's warnings.
_client_log = logging.getLogger("kafka")
_client_log.addHandler(logging.NullHandler())


@contextmanager
def map_errors(address: str) -> Iterator[None]:
    """Convert every kafka-python error to an MmdigitError. address: host:port,host:port/topic, for the message."""
    try:
        yield
    except KafkaError as error:
        raise to_mmdigit_error(error, address) from error


def to_mmdigit_error(error: BaseException, address: str) -> MmdigitError:
    """The MmdigitError for an error of kafka-python."""
    topic = address.rpartition("/")[2]
    if isinstance(error, UnknownTopicOrPartitionError):
        return TopicError(
            f"expected the topic {topic!r} at {address}, got no such topic; create it: kafka-topics.sh --create "
            f"--topic {topic} --partitions 6 --bootstrap-server {address.partition(',')[0].partition('/')[0]}"
        )
    if isinstance(error, AuthorizationError):
        return _refused(error, address, KafkaAccess())
    if isinstance(error, FencedInstanceIdError):
        return SettingsError(
            f"expected a unique --instance-id at {address}, got fenced by another consumer that has the same one; give "
            "each worker its own --instance-id"
        )
    if isinstance(error, InconsistentGroupProtocolError | InvalidGroupIdError | GroupIdNotFoundError):
        return SettingsError(
            f"expected a consumer group for {address} that workers can join, got {error}: other programs use this "
            "group; set another --consumer-group, or stop them"
        )
    if isinstance(error, InvalidSessionTimeoutError):
        return SettingsError(
            f"expected the broker of {address} to accept a session timeout of 10 s (45 s with --instance-id), got a "
            "refusal; change its group.min.session.timeout.ms and group.max.session.timeout.ms"
        )
    if isinstance(error, GroupMaxSizeReachedError):
        return TransportError(
            f"expected room in the consumer group for {address}, got a full group; run fewer workers, or raise the "
            "broker's group.max.size"
        )
    if isinstance(error, _LOST_MEMBERSHIP):
        return RebalanceError(f"expected to own partitions of {address}, got {error}; their new owner repeats the work")
    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
        return InvalidRecord(
            f"expected a record that {address} accepts, got {error}; raise the topic's max.message.bytes"
        )
    return TransportError(f"expected an answer from Kafka at {address}, got {error}; check the address and the broker")


def _refused(error: BaseException, address: str, access: KafkaAccess) -> AccessError:
    return AccessError(f"expected access to Kafka at {address}, got a refusal: {refusal_reason(error, access)}")


def connect(
    make: Callable[..., T],
    bootstrap: Sequence[str],
    access: KafkaAccess | None = None,
    *,
    timeout_s: float | None = None,
    **settings: Any,
) -> T:
    """Create a kafka-python client, which connects to a broker; on failure, close the thread and sockets it leaks.

    Raises AccessError if the brokers refuse access, SettingsError if a file cannot be used.
    """
    access = access or KafkaAccess()
    opened: list[KafkaNetClient] = []
    trackers: list[RefusalTracker] = []

    def net_client(**config: Any) -> KafkaNetClient:
        net = ClosingSelector(**config)
        trackers.append(RefusalTracker(net, access, **config))
        opened.append(KafkaNetClient(net=net, manager=trackers[-1]))
        return opened[-1]

    patch_sockets()
    quiet_client_logs()
    security = client_arguments(access)
    # Its log lines about each attempt would bury our one line.
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
        refusals = [tracker.last_refusal for tracker in trackers if tracker.last_refusal is not None]
        if refusals and isinstance(error, Exception):
            raise _refused(refusals[-1], ",".join(bootstrap), access) from refusals[-1]
        if isinstance(error, KafkaTimeoutError):
            raise TransportError(
                f"expected an answer from Kafka at {','.join(bootstrap)}, got {error}; {connection_advice(access)}"
            ) from error
        raise
    finally:
        _client_log.propagate = True


def topic_max_record_bytes(
    bootstrap: Sequence[str], topic: str, default: int, access: KafkaAccess | None = None
) -> int:
    """The topic's max.message.bytes, or default if this user may not read the topic's configuration.

    Raises TopicError if the topic does not exist. Asks the broker, because clients create the topic or wait for it.
    """
    address = f"{','.join(bootstrap)}/{topic}"
    with map_errors(address):
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
