"""From URL to adapter: kafka://host:9092/topic, sqlite:///path/to/file?topic=jobs, redis://host:6379/0, sqlite:///path.

    kafka://host:port[,host:port...]/topic      Publisher, Consumer
    sqlite:///relative.db, sqlite:////abs.db    Publisher, Consumer (topic "jobs", or ?topic=NAME), PredictionStore
    redis://[user:password@]host[:port]/db      PredictionStore; rediss:// over TLS; see redis/address.py

An adapter's library is imported only when a URL asks for it. A wrong URL is a
SettingsError that never shows a password. TLS, users and passwords are in mmdigit.settings.access, not in the URL.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from mmdigit.settings.access import Access, RedisAccess
from mmdigit.settings.redaction import LIKE_SECRET, redact
from mmdigit.transport.hosts import host_and_port
from mmdigit.transport.ports import Consumer, PredictionStore, Publisher
from mmdigit.transport.redis.address import REDIS_SCHEMES, RedisPlace, redis_place
from schemas.errors import SettingsError
from schemas.identifiers import is_identifier
from schemas.job import MAX_RECORD_BYTES

DEFAULT_SQLITE_TOPIC = "jobs"
DEAD_LETTER_SUFFIX = ".dead"
DEFAULT_KAFKA_PORT = 9092
DEFAULT_TTL_S = 30 * 24 * 60 * 60
DEFAULT_FEED_LENGTH = 100_000

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # Kafka's own rule; "." and ".." are refused beside it

_QUEUE_EXAMPLES = "kafka://localhost:9092/jobs or sqlite:///queue.db"
_STORE_EXAMPLES = "redis://localhost:6379/0 or sqlite:///queue.db"


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """What a kafka:// URL names. bootstrap: host:port of one or more brokers."""

    bootstrap: tuple[str, ...]
    topic: str


@dataclass(frozen=True, slots=True)
class SqliteTopic:
    """What a sqlite:// URL names: a file, and a topic in it."""

    path: Path
    topic: str


def open_publisher(url: str, *, access: Access | None = None) -> Publisher:
    """The publisher of the topic that url names.

    Raises SettingsError for a wrong URL or a foreign file, TopicError for a missing topic, AccessError if the broker
    refuses, TransportError if it or the file is not reachable.
    """
    place = _queue(url)
    if isinstance(place, SqliteTopic):
        from mmdigit.transport.sqlite.publisher import SqlitePublisher

        return SqlitePublisher(place.path, place.topic)
    from mmdigit.transport.kafka.opening import open_kafka_publisher

    return open_kafka_publisher(place.bootstrap, place.topic, (access or Access()).kafka)


def open_consumer(
    url: str,
    *,
    group: str,
    instance_id: str | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
    access: Access | None = None,
) -> Consumer:
    """A member of the consumer group on the topic that url names; it joins in its first poll.

    instance_id names a static member of the group: its partitions stay its own over a quick restart (Kafka only).
    max_record_bytes sizes the fetch buffers; a larger record is still delivered, for the caller to judge.
    Raises as open_publisher, and SettingsError if a SQLite file already has a consumer of that group and topic.
    """
    _require_identifier("consumer group", group)
    if instance_id is not None:
        _require_identifier("instance id", instance_id)
    place = _queue(url)
    if isinstance(place, SqliteTopic):
        from mmdigit.transport.sqlite.consumer import SqliteConsumer

        return SqliteConsumer(place.path, place.topic, group)
    from mmdigit.transport.kafka.opening import open_kafka_consumer

    kafka_access = (access or Access()).kafka
    return open_kafka_consumer(place.bootstrap, place.topic, group, instance_id, max_record_bytes, kafka_access)


def open_store(
    url: str,
    *,
    ttl_s: int = DEFAULT_TTL_S,
    feed_length: int = DEFAULT_FEED_LENGTH,
    replicas: int = 0,
    as_json: bool = False,
    create: bool = True,
    access: Access | None = None,
) -> PredictionStore:
    """The prediction store that url names.

    ttl_s: how long predictions, dead-letter notes and group counts are kept. feed_length: how many predictions
    the feed keeps. replicas: how many replicas acknowledge each write (Redis only).
    as_json: store predictions as JSON, for readers that know nothing else.
    create: make a SQLite file that is not there.
    Raises SettingsError for a wrong URL or a foreign file, AccessError if the store refuses, StoreError if it is not
    reachable.
    """
    if ttl_s < 1 or feed_length < 1:
        raise SettingsError(f"expected ttl_s and feed_length of at least 1, got {ttl_s} and {feed_length}")
    parts = _split(url, _STORE_EXAMPLES)
    if parts.scheme == "sqlite":
        if replicas:
            raise _wrong(url, f"a redis:// URL with {replicas} replicas of the store", "redis://localhost:6379/0")
        from mmdigit.transport.sqlite.store import SqliteStore

        path = _sqlite(parts, url).path
        if not create and not path.exists():
            raise SettingsError(f"expected a store in the file {path}, got none; check --store")
        return SqliteStore(path, ttl_s=ttl_s, feed_length=feed_length, as_json=as_json)
    redis_access = (access or Access()).redis
    place = _redis(parts, url, redis_access)
    from mmdigit.transport.redis.store import open_redis_store

    return open_redis_store(
        place, ttl_s=ttl_s, feed_length=feed_length, replicas=replicas, access=redis_access, as_json=as_json
    )


def dead_letter_url(jobs_url: str) -> str:
    """The URL of the dead letters that belong to the jobs: the same place, the topic's name with ".dead" after it."""
    place = _queue(jobs_url)
    topic = place.topic + DEAD_LETTER_SUFFIX
    if _TOPIC.fullmatch(topic) is None:
        raise _wrong(jobs_url, f"a topic with room for {DEAD_LETTER_SUFFIX!r} within 249 characters", _QUEUE_EXAMPLES)
    parts = urlsplit(jobs_url)
    if isinstance(place, KafkaTopic):
        return urlunsplit(parts._replace(path="/" + quote(topic)))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "topic"]
    # Not urlunsplit: it drops the empty host of sqlite:///relative.db.
    return f"sqlite://{parts.path}?{urlencode([*query, ('topic', topic)])}"


def system_and_topic(url: str) -> tuple[str, str]:
    """What holds the topic that url names, kafka or sqlite, and the topic's name."""
    topic = _queue(url).topic
    return urlsplit(url).scheme, topic


def same_topic(url: str, other: str) -> bool:
    """Whether both name one topic, as far as the URLs tell: a broker in common, or one file. Wrong ones are equal text.

    Opens nothing.
    """
    try:
        one, two = _queue(url), _queue(other)
    except SettingsError:
        return url == other
    if isinstance(one, KafkaTopic) and isinstance(two, KafkaTopic):
        return one.topic == two.topic and not set(one.bootstrap).isdisjoint(two.bootstrap)
    if isinstance(one, SqliteTopic) and isinstance(two, SqliteTopic):
        return one.topic == two.topic and os.path.realpath(one.path) == os.path.realpath(two.path)
    return False


def _queue(url: str) -> KafkaTopic | SqliteTopic:
    parts = _split(url, _QUEUE_EXAMPLES)
    if parts.scheme == "kafka":
        return _kafka(parts, url)
    if parts.scheme == "sqlite":
        return _sqlite(parts, url)
    raise _wrong(url, "the URL of a topic", _QUEUE_EXAMPLES)


def _kafka(parts: SplitResult, url: str) -> KafkaTopic:
    example = "kafka://localhost:9092/jobs"
    bootstrap = []
    for address in parts.netloc.split(","):
        place = host_and_port(address, DEFAULT_KAFKA_PORT)
        if place is None:
            raise _wrong(url, "kafka://host:port[,host:port...]/topic, without user or password", example)
        bootstrap.append(f"{place[0]}:{place[1]}")
    if parts.query or parts.fragment:
        raise _wrong(url, "kafka://host:port/topic without anything after the topic", example)
    return KafkaTopic(tuple(bootstrap), _topic(unquote(parts.path).removeprefix("/"), url, example))


def _sqlite(parts: SplitResult, url: str) -> SqliteTopic:
    example = "sqlite:///queue.db (beside you), sqlite:////var/lib/queue.db (absolute) or sqlite:///queue.db?topic=jobs"
    path = unquote(parts.path)[1:]  # SQLAlchemy's rule: three slashes relative, four absolute
    if parts.netloc or parts.fragment or not path or "\0" in path or path.endswith("/"):
        raise _wrong(url, "sqlite:///FILE", example)
    if LIKE_SECRET.search(path):
        raise _wrong(url, "sqlite:///FILE without user, password or parameters in it", example)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if [name for name, _ in parameters] not in ([], ["topic"]):
        raise _wrong(url, "no parameter but ?topic=NAME", example)
    return SqliteTopic(Path(path), _topic(dict(parameters).get("topic", DEFAULT_SQLITE_TOPIC), url, example))


def _redis(parts: SplitResult, url: str, access: RedisAccess) -> RedisPlace:
    if parts.scheme not in REDIS_SCHEMES:
        raise _wrong(url, "the URL of a prediction store", _STORE_EXAMPLES)
    try:
        return redis_place(parts, access)
    except ValueError as error:
        raise _wrong(url, *error.args) from None


def _topic(name: str, url: str, example: str) -> str:
    if _TOPIC.fullmatch(name) is None or name in (".", ".."):
        raise _wrong(url, "a topic of 1-249 characters of A-Z a-z 0-9 . _ -", example)
    return name


def _split(url: str, example: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise _wrong(url, "a URL", example) from error


def _require_identifier(what: str, text: str) -> None:
    if not is_identifier(text):
        raise SettingsError(
            f"expected as {what} 1-128 characters of A-Z a-z 0-9 . _ : -, not starting with a mark, got {text!r}"
        )


def _wrong(url: str, expected: str, example: str) -> SettingsError:
    return SettingsError(f"expected {expected}, got {redact(url)!r}; for example {example}")
