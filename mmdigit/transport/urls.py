"""Opens the adapter that a URL names.

    kafka://host:port[,host:port...]/topic      Publisher, Consumer
    sqlite:///relative.db, sqlite:////abs.db    Publisher, Consumer (topic "jobs", or ?topic=NAME), PredictionStore
    redis://[user:password@]host[:port]/db      PredictionStore; rediss:// over TLS; see redis/address.py

Imports an adapter's library only when a URL needs it. An invalid URL is a SettingsError that never shows a password.
TLS, users and passwords are in mmdigit.settings.access, not in the URL.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from mmdigit.settings.access import Access, RedisAccess
from mmdigit.settings.redaction import LIKE_SECRET, redact
from mmdigit.transport.hosts import parse_host_port
from mmdigit.transport.ports import Consumer, PredictionStore, Publisher
from mmdigit.transport.redis.address import REDIS_SCHEMES, RedisAddress, parse_redis_address
from schemas.errors import SettingsError
from schemas.identifiers import is_identifier
from schemas.job import MAX_RECORD_BYTES

DEFAULT_SQLITE_TOPIC = "jobs"
DEAD_LETTER_SUFFIX = ".dead"
DEFAULT_KAFKA_PORT = 9092
DEFAULT_TTL_S = 30 * 24 * 60 * 60
DEFAULT_FEED_LENGTH = 100_000

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # Kafka's own rule, which also forbids "." and ".."

_QUEUE_EXAMPLES = "kafka://localhost:9092/jobs or sqlite:///queue.db"
_STORE_EXAMPLES = "redis://localhost:6379/0 or sqlite:///queue.db"


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """The content of a kafka:// URL. bootstrap: host:port of one or more brokers."""

    bootstrap: tuple[str, ...]
    topic: str


@dataclass(frozen=True, slots=True)
class SqliteTopic:
    """The content of a sqlite:// URL: a file, and a topic in it."""

    path: Path
    topic: str


def open_publisher(url: str, *, access: Access | None = None) -> Publisher:
    """Open a publisher for the topic in url.

    Raises SettingsError for an invalid URL or another program's file, TopicError if the topic does not exist,
    AccessError if the broker refuses access, TransportError if the broker or file cannot be reached.
    """
    place = _parse_topic_url(url)
    if isinstance(place, SqliteTopic):
        from mmdigit.transport.sqlite.publisher import SqlitePublisher

        return SqlitePublisher(place.path, place.topic)
    from mmdigit.transport.kafka.publisher import KafkaPublisher

    return KafkaPublisher(place.bootstrap, place.topic, (access or Access()).kafka)


def open_consumer(
    url: str,
    *,
    group: str,
    instance_id: str | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
    access: Access | None = None,
) -> Consumer:
    """Open a member of the consumer group on the topic in url. It joins the group in its first poll.

    instance_id: makes it a static member, which keeps its partitions over a quick restart (Kafka only).
    max_record_bytes: sizes the fetch buffers; larger records are still delivered.
    Raises as open_publisher, and SettingsError if the SQLite file already has a consumer for this group and topic.
    """
    _require_identifier("consumer group", group)
    if instance_id is not None:
        _require_identifier("instance id", instance_id)
    place = _parse_topic_url(url)
    if isinstance(place, SqliteTopic):
        from mmdigit.transport.sqlite.consumer import SqliteConsumer

        return SqliteConsumer(place.path, place.topic, group)
    from mmdigit.transport.kafka.consumer import KafkaConsumer

    kafka_access = (access or Access()).kafka
    return KafkaConsumer(place.bootstrap, place.topic, group, instance_id, max_record_bytes, kafka_access)


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
    """Open the prediction store at url.

    ttl_s: how long to keep predictions, dead-letter notes and group counts.
    feed_length: how many predictions to keep in the feed.
    replicas: how many replicas must acknowledge each write (Redis only).
    as_json: store predictions as JSON, for readers that support nothing else.
    create: create a SQLite file that does not exist.
    Raises SettingsError for an invalid URL or another program's file, AccessError if the store refuses access,
    StoreError if it cannot be reached.
    """
    if ttl_s < 1 or feed_length < 1:
        raise SettingsError(f"expected ttl_s and feed_length of at least 1, got {ttl_s} and {feed_length}")
    parts = _split(url, _STORE_EXAMPLES)
    if parts.scheme == "sqlite":
        if replicas:
            raise _invalid_url(url, f"a redis:// URL for {replicas} store replicas", "redis://localhost:6379/0")
        from mmdigit.transport.sqlite.store import SqliteStore

        path = _parse_sqlite_url(parts, url).path
        if not create and not path.exists():
            raise SettingsError(f"expected a store in the file {path}, got no file; check --store")
        return SqliteStore(path, ttl_s=ttl_s, feed_length=feed_length, as_json=as_json)
    redis_access = (access or Access()).redis
    place = _parse_redis_url(parts, url, redis_access)
    from mmdigit.transport.redis.store import open_redis_store

    return open_redis_store(
        place, ttl_s=ttl_s, feed_length=feed_length, replicas=replicas, access=redis_access, as_json=as_json
    )


def dead_letter_url(jobs_url: str) -> str:
    """The URL of the dead-letter topic for a topic of jobs: the same broker or file, with ".dead" after the topic."""
    place = _parse_topic_url(jobs_url)
    topic = place.topic + DEAD_LETTER_SUFFIX
    if _TOPIC.fullmatch(topic) is None:
        raise _invalid_url(
            jobs_url, f"a topic with room for {DEAD_LETTER_SUFFIX!r} within 249 characters", _QUEUE_EXAMPLES
        )
    parts = _split(jobs_url, _QUEUE_EXAMPLES)
    if isinstance(place, KafkaTopic):
        return urlunsplit(parts._replace(path="/" + quote(topic)))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "topic"]
    # Not urlunsplit: it drops the empty host of sqlite:///relative.db.
    return f"sqlite://{parts.path}?{urlencode([*query, ('topic', topic)])}"


def system_and_topic(url: str) -> tuple[str, str]:
    """The messaging system of url ("kafka" or "sqlite") and its topic."""
    topic = _parse_topic_url(url).topic
    return _split(url, _QUEUE_EXAMPLES).scheme, topic


def same_topic(url: str, other: str) -> bool:
    """Whether both URLs name one topic: same name, and a broker in common or the same file. Opens nothing.

    Compares invalid URLs as text.
    """
    try:
        one, two = _parse_topic_url(url), _parse_topic_url(other)
    except SettingsError:
        return url == other
    if isinstance(one, KafkaTopic) and isinstance(two, KafkaTopic):
        return one.topic == two.topic and not set(one.bootstrap).isdisjoint(two.bootstrap)
    if isinstance(one, SqliteTopic) and isinstance(two, SqliteTopic):
        return one.topic == two.topic and os.path.realpath(one.path) == os.path.realpath(two.path)
    return False


def _parse_topic_url(url: str) -> KafkaTopic | SqliteTopic:
    parts = _split(url, _QUEUE_EXAMPLES)
    if parts.scheme == "kafka":
        return _parse_kafka_url(parts, url)
    if parts.scheme == "sqlite":
        return _parse_sqlite_url(parts, url)
    raise _invalid_url(url, "a topic URL", _QUEUE_EXAMPLES)


def _parse_kafka_url(parts: SplitResult, url: str) -> KafkaTopic:
    example = "kafka://localhost:9092/jobs"
    bootstrap = []
    for address in parts.netloc.split(","):
        place = parse_host_port(address, DEFAULT_KAFKA_PORT)
        if place is None:
            raise _invalid_url(url, "kafka://host:port[,host:port...]/topic, without user or password", example)
        bootstrap.append(f"{place[0]}:{place[1]}")
    if parts.query or parts.fragment:
        raise _invalid_url(url, "kafka://host:port/topic with nothing after the topic", example)
    return KafkaTopic(tuple(bootstrap), _require_topic_name(unquote(parts.path).removeprefix("/"), url, example))


def _parse_sqlite_url(parts: SplitResult, url: str) -> SqliteTopic:
    example = "sqlite:///queue.db (relative), sqlite:////var/lib/queue.db (absolute) or sqlite:///queue.db?topic=jobs"
    path = unquote(parts.path)[1:]  # as in SQLAlchemy: three slashes are relative, four are absolute
    if parts.netloc or parts.fragment or not path or "\0" in path or path.endswith("/"):
        raise _invalid_url(url, "sqlite:///FILE", example)
    if LIKE_SECRET.search(path):
        raise _invalid_url(url, "sqlite:///FILE without user, password or parameters", example)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if [name for name, _ in parameters] not in ([], ["topic"]):
        raise _invalid_url(url, "no parameter except ?topic=NAME", example)
    return SqliteTopic(
        Path(path), _require_topic_name(dict(parameters).get("topic", DEFAULT_SQLITE_TOPIC), url, example)
    )


def _parse_redis_url(parts: SplitResult, url: str, access: RedisAccess) -> RedisAddress:
    if parts.scheme not in REDIS_SCHEMES:
        raise _invalid_url(url, "a prediction store URL", _STORE_EXAMPLES)
    try:
        return parse_redis_address(parts, access)
    except ValueError as error:
        raise _invalid_url(url, *error.args) from None


def _require_topic_name(name: str, url: str, example: str) -> str:
    if _TOPIC.fullmatch(name) is None or name in (".", ".."):
        raise _invalid_url(url, "a topic of 1-249 characters of A-Z a-z 0-9 . _ -", example)
    return name


def _split(url: str, example: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        # Newer Pythons, and Debian's, refuse an IPv6 address in a list of hosts.
        scheme, _, rest = url.partition("://")
        hosts = re.split("[/?#]", rest, maxsplit=1)[0]
        if "," not in hosts:
            raise _invalid_url(url, "a URL", example) from error
        return urlsplit(f"{scheme}://{rest.removeprefix(hosts)}")._replace(netloc=hosts)


def _require_identifier(what: str, text: str) -> None:
    if not is_identifier(text):
        raise SettingsError(
            f"expected as {what} 1-128 characters of A-Z a-z 0-9 . _ : -, starting with a letter or digit, got "
            f"{text!r}; set another"
        )


def _invalid_url(url: str, expected: str, example: str) -> SettingsError:
    return SettingsError(f"expected {expected}, got {redact(url)!r}; for example {example}")
