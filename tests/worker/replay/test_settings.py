"""The settings of a replay: its consumer group, its two topics, and one-line errors."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdigit.transport.urls import same_topic
from schemas.errors import SettingsError
from worker.replay.settings import ReplaySettings

URLS = {"from": "sqlite:///q.db?topic=jobs.dead", "to": "sqlite:///q.db"}


def test_consumer_group_differs_by_selection() -> None:
    def group(**options: object) -> str:
        return ReplaySettings.model_validate(URLS | options).consumer_group

    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert group() == group(limit=5) == group(dry_run=True) == "mmdigit-replay"
    assert group(reason="invalid_image", since=noon) == "mmdigit-replay.invalid_image.since-20260131T120000.000000Z"
    assert group(since=noon) == group(since="2026-01-31T13:00:00+01:00")
    assert group(replay_group="again", max_times_dead=5) == "again.max-5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "sqlite:///q.db", "--to", "sqlite:///q.db"], "the same topic twice"),
        (["--from", "sqlite:///q.db"], "expected --to, got none; for example --to kafka://"),
        (["--from", "a", "--to", "b", "--since", "12:00"], "since: "),
        (["--from", "a", "--to", "b", "--since", "2026-01-31T12:00:00"], "since: "),
        (["--from", "a", "--to", "b", "--reason", "Bad Reason"], "reason: "),
        (["--from", "a", "--to", "b", "--max-times-dead", "0"], "max_times_dead: "),
    ],
)
def test_settings_error_names_the_setting(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ReplaySettings.load(arguments)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kafka://host/jobs", "kafka://host:9092/jobs"),
        ("kafka://a:1,b:2/jobs", "kafka://c:3,b:2/jobs"),
        ("sqlite:///q.db?topic=jobs", "sqlite:///q.db"),
        ("sqlite:///q.db", f"sqlite:///{Path.cwd()}/./q.db"),
        ("sqlite:///q.db", "sqlite:///no/../q.db?topic=jobs"),
    ],
)
def test_settings_refuse_one_topic_for_both_urls(one: str, other: str) -> None:
    assert same_topic(one, other)
    with pytest.raises(SettingsError, match="the same topic twice"):
        ReplaySettings.load(["--from", one, "--to", other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kafka://host/jobs", "kafka://host/jobs.dead"),
        ("kafka://host/jobs", "kafka://other/jobs"),
        ("sqlite:///q.db", "sqlite:///q.db?topic=jobs.dead"),
        ("sqlite:///q.db", "kafka://host/jobs"),
        ("wrong", "kafka://host/jobs"),
    ],
)
def test_same_topic_tells_topics_apart(one: str, other: str) -> None:
    assert not same_topic(one, other)
