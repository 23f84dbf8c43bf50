"""URLs: valid ones open adapters, invalid ones are one clear line without a password."""

from pathlib import Path
from typing import Any

import pytest

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
def test_dead_letter_url_is_beside_the_jobs(url: str, expected: str) -> None:
    assert dead_letter_url(url) == expected


def test_sqlite_url_is_relative_or_absolute() -> None:
    assert urls._parse_topic_url("sqlite:///a/b%20c.db") == urls.SqliteTopic(Path("a/b c.db"), "jobs")
    assert urls._parse_topic_url("sqlite:////a/b.db?topic=t") == urls.SqliteTopic(Path("/a/b.db"), "t")


def test_kafka_url_has_a_default_port() -> None:
    assert urls._parse_topic_url("kafka://one,two:1/t") == urls.KafkaTopic(("one:9092", "two:1"), "t")


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
def test_topic_url_errors_show_an_example(url: str) -> None:
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
def test_store_url_errors_show_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match="for example ") as caught:
        open_store(url)
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("group", ["", " ", "-a", "a/b", "x" * 129])
def test_open_consumer_rejects_an_invalid_group(tmp_path: Path, group: str) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with pytest.raises(SettingsError, match="expected as consumer group"):
        open_consumer(url, group=group)
    with pytest.raises(SettingsError, match="expected as instance id"):
        open_consumer(url, group="g", instance_id=group)


@pytest.mark.parametrize("limits", [{"ttl_s": 0}, {"feed_length": 0}])
def test_open_store_requires_positive_limits(tmp_path: Path, limits: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        open_store(f"sqlite:///{tmp_path / 'store.db'}", **limits)


def test_open_store_rejects_replicas_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="for 1 store replicas"):
        open_store(f"sqlite:///{tmp_path / 'store.db'}", replicas=1)


def test_open_store_shares_the_queue_file(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'queue.db'}?topic=jobs") as store:
        assert isinstance(store, SqliteStore)
