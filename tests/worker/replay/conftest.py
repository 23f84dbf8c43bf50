"""The topics that a replay runs on, and the signal handlers that it changes."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters import DOCKER, read

__all__ = ["read"]  # pytest finds fixtures by these names


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=DOCKER)])
def jobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new topic of jobs and its topic of dead letters, each with two partitions on Kafka."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    return str(request.getfixturevalue("kafka_topic")(2, with_dead_letters=True))


@pytest.fixture(autouse=True)
def restored_signal_handlers() -> Iterator[None]:
    """A replay in this process replaces the handlers."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
