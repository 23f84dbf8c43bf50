"""wait_for_topic waits up to its limit for a topic that does not exist yet."""

import logging

import pytest

from mmdigit.consuming.waiting import LONGEST_PAUSE_S, wait_for_topic
from schemas.errors import TopicError, TransportError


class Topic:
    """A topic that is missing for the first attempts."""

    def __init__(self, missing: int) -> None:
        self.missing = missing
        self.now_s = 0.0
        self.pauses_s: list[float] = []
        self.said: list[str] = []

    def open(self) -> str:
        if self.missing > 0:
            self.missing -= 1
            raise TopicError("expected the topic jobs, got none")
        return "opened"

    def sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)
        self.now_s += pause_s

    def wait_for_topic(self, wait_s: float) -> str:
        return wait_for_topic(self.open, wait_s, self.said.append, lambda: self.now_s, self.sleep)


def test_wait_for_topic_ends_when_the_topic_exists(caplog: pytest.LogCaptureFixture) -> None:
    topic = Topic(missing=20)
    assert topic.wait_for_topic(3600) == "opened"
    assert topic.said == ["expected the topic jobs, got none"] * 20 + [""]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert max(topic.pauses_s) <= LONGEST_PAUSE_S
    assert topic.pauses_s[0] < topic.pauses_s[-1]


def test_wait_for_topic_raises_after_wait_s() -> None:
    topic = Topic(missing=10**6)
    with pytest.raises(TopicError):
        topic.wait_for_topic(60)
    assert topic.now_s == pytest.approx(60)


def test_wait_for_topic_raises_at_once_without_wait_s() -> None:
    topic = Topic(missing=1)
    with pytest.raises(TopicError):
        topic.wait_for_topic(0)
    assert topic.pauses_s == []


def test_wait_for_topic_does_not_retry_other_errors() -> None:
    def fail() -> None:
        raise TransportError("expected a broker")

    with pytest.raises(TransportError):
        wait_for_topic(fail, 60, lambda _: None)
