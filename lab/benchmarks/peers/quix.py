"""Quix Streams: a custom sink that checkpoints flush and then commit.

https://quix.io/docs/quix-streams/connectors/sinks/custom-sinks.html. Not its BatchingSink, which
writes the part of each partition alone: batches of four, with eight partitions.
"""

from typing import Any

from quixstreams import Application
from quixstreams.sinks import BaseSink

from lab.benchmarks.peers.answering import Answering, parse_command_line


class AnsweringSink(BaseSink):  # type: ignore[misc]
    """Collects values until a checkpoint flushes them; an error in the flush prevents the commit."""

    def __init__(self, answering: Answering) -> None:
        super().__init__()
        self._answering = answering
        self._waiting: list[Any] = []

    def add(self, value: Any, *_key_and_position: Any, **_more: Any) -> None:
        self._waiting.append(value)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            parse = self._answering.parse
            self._answering([parse(value) if isinstance(value, bytes) else value for value in waiting])

    def on_paused(self) -> None:
        self._waiting = []


def main() -> None:
    options = parse_command_line(__doc__)
    answering = Answering(options.decoding, options.redis)
    app = Application(
        broker_address=options.bootstrap,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        commit_every=options.batch_size,
        commit_interval=options.wait_s,
        auto_create_topics=False,
        loglevel="WARNING",
    )
    topic = app.topic(options.topic, value_deserializer="json" if options.decoding == "own" else "bytes")
    app.dataframe(topic).sink(AnsweringSink(answering))
    app.run()  # ends on SIGTERM


if __name__ == "__main__":
    main()
