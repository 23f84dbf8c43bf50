"""python -m tests.worker.replay.held_replay FILE ...: makes FILE before its second commit and waits while it exists."""

import sys
import time
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from mmdigit.settings.program import run_program
from mmdigit.transport.kafka import consumer as kafka_consumer
from mmdigit.transport.ports import Consumer, TopicPartition
from mmdigit.transport.urls import open_consumer
from worker.replay import command


def open_held(file: Path, url: str, **options: Any) -> Consumer:
    """A consumer whose second commit waits."""
    consumer = open_consumer(url, **options)
    commit, commits = consumer.commit, count(1)

    def held_commit(next_offsets: Mapping[TopicPartition, int]) -> None:
        if next(commits) == 2:
            file.touch()
            while file.exists():
                time.sleep(0.01)
        commit(next_offsets)

    consumer.commit = held_commit  # type: ignore[method-assign]
    return consumer


if __name__ == "__main__":
    held = Path(sys.argv.pop(1))
    kafka_consumer.SESSION_TIMEOUT_MS = 6_000  # the broker's least: so long the partitions of a killed one wait
    setattr(command, "open_consumer", partial(open_held, held))  # noqa: B010  mypy: the name is imported there
    sys.exit(run_program("replay", command.replay))
