"""URLs: what is accepted, what is refused in one clear line, and that no password is ever shown."""

from pathlib import Path
from typing import Any

import pytest

from mmdigit.settings.redaction import redact
from mmdigit.transport import urls
from mmdigit.transport.sqlite.store import SqliteStore
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from schemas.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///queue.db", "sqlite:///queue.db?topic=jobs.dead"),
        ("sqlite:////var/my%20queue.db?topic=a", "sqlite:////var/my%20queue.db?topic=a.dead"),
        ("kafka://one/jobs", "kafka://one/jobs.dead"),
        ("kafka://one:1,two:2/jobs", "kafka://one:1,two:2/jobs.dead"),
    ],
)
def test_dead_letters_stand_beside_the_jobs(url: str, expected: str) -> None:
    assert dead_letter_url(url) == expected


def test_a_relative_and_an_absolute_file_are_told_apart() -> None:
    assert urls._queue("sqlite:///a/b%20c.db") == urls.SqliteTopic(Path("a/b c.db"), "jobs")
    assert urls._queue("sqlite:////a/b.db?topic=t") == urls.SqliteTopic(Path("/a/b.db"), "t")


def test_kafka_brokers_get_the_default_port() -> None:
    assert urls._queue("kafka://one,two:1/t") == urls.KafkaTopic(("one:9092", "two:1"), "t")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jobs",
        "http://host/jobs",
        "redis://host/0",
        "kafka://host:9092",
        "kafka://host:9092/",
        "kafka:///jobs",
        "kafka://host:99999/jobs",
        "kafka://host:x/jobs",
        "kafka://host,/jobs",
        "kafka://user:password@host/jobs",
        "kafka://host/jobs?acks=0",
        "kafka://host/a/b",
        "kafka://host/..",
        "kafka://host/" + "x" * 250,
        "kafka://[::1/jobs",
        "sqlite://queue.db",
        "sqlite:///",
        "sqlite:///folder/",
        "sqlite:///a.db?mode=ro",
        "sqlite:///a.db?topic=",
        "sqlite:///a.db?topic=a/b",
        "sqlite:///a.db?topic=a&topic=b",
        "sqlite:///a%00b.db",
        "sqlite:////user:password@host/a.db",
    ],
)
def test_a_wrong_topic_is_refused_with_an_example(url: str) -> None:
    for attempt in (lambda: open_publisher(url), lambda: open_consumer(url, group="g"), lambda: dead_letter_url(url)):
        with pytest.raises(SettingsError, match=r"(?s)expected .* got .*; for example ") as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert "password@" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kafka://host/jobs",
        "redis://",
        "redis://host/x",
        "redis://host:0",
        "redis://:pass/word@host/x",
        "redis://h?a=b",
        "redis://user@host/0",
        "redis://user:@host/0",
        "redis://host1,host2/0",
        "redis+sentinel://host",
        "redis+sentinel://host:26379/0",
        "redis+sentinel://:pass/word@host/x",
        "redis+sentinel://host,/mymaster",
        "redis+sentinel://host/my master/0",
        "redis+sentinel://host/mymaster/x",
        "redis+cluster://",
        "redis+cluster://host:1,host:70000",
        "redis+cluster://:password@host/1",
        "redis+cluster://host/0?a=b",
        "redis+unix://host/0",
    ],
)
def test_a_wrong_store_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match="for example ") as caught:
        open_store(url)
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("group", ["", " ", "-a", "a/b", "x" * 129])
def test_a_wrong_group_is_refused(tmp_path: Path, group: str) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with pytest.raises(SettingsError, match="expected as consumer group"):
        open_consumer(url, group=group)
    with pytest.raises(SettingsError, match="expected as instance id"):
        open_consumer(url, group="g", instance_id=group)


@pytest.mark.parametrize("limits", [{"ttl_s": 0}, {"feed_length": 0}])
def test_limits_of_a_store_are_positive(tmp_path: Path, limits: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        open_store(f"sqlite:///{tmp_path / 'store.db'}", **limits)


def test_a_file_has_no_replicas(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="1 replicas of the store"):
        open_store(f"sqlite:///{tmp_path / 'store.db'}", replicas=1)


def test_the_store_of_a_queue_file_is_the_same_file(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'queue.db'}?topic=jobs") as store:
        assert isinstance(store, SqliteStore)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user:secret@host/0", "redis://user:***@host/0"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("rediss://user:sec%40ret@[::1]:6379/0", "rediss://user:***@[::1]:6379/0"),
        ("http://user:secret@host:4318", "http://user:***@host:4318"),
        ("sqlite:////a@b/c%20d.db?topic=jobs", "sqlite:////a@b/c%20d.db?topic=jobs"),
        ("kafka://one,two:1,[::1]:9092/jobs", "kafka://one,two:1,[::1]:9092/jobs"),
        # What no program takes: nothing before the last @, no parameter, no fragment.
        ("redis://user:se/cr@et@host/0", "redis://***@host/0"),
        ("redis:/user:secret@host/0", "***@host/0"),
        ("user:secret@host:6379", "***@host:6379"),
        ("redis://secret@host/0", "redis://***@host/0"),
        ("redis%3A%2F%2Fuser%3Asecret%40host", "redis://***@host"),
        ("redis://user\uff1asecret\uff20host", "redis://***@host"),
        ("redis://host/0?auth=se@cret", "redis://***"),
        ("redis://host/0&auth=secret", "redis://host/0&***"),
        ("redis://host/0#secret", "redis://host/0#***"),
        ("redis://user:secret", "redis://user:***"),
        ("host=h password=secret", "host=***"),
        ("kafka://h/t?sasl_password=secret&a=b", "kafka://h/t?***"),
        ("kafka://h/t%3Fpassword%3Dsecret", "kafka://h/t?***"),
        ("sqlite:////user:secret@host/q.db", "sqlite://***@host/q.db"),
        ("", ""),
        ("jobs", "jobs"),
        ("rediss+sentinel://user:secret@h1:1,h2:2/m/0", "rediss+sentinel://user:***@h1:1,h2:2/m/0"),
        ("redis+cluster://:secret@h1:1,h2:2", "redis+cluster://:***@h1:1,h2:2"),
    ],
)
def test_redact_hides_passwords_and_little_else(url: str, shown: str) -> None:
    assert redact(url) == shown
