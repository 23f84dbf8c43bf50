"""sentry-arroyo as its documentation builds it: BatchStep -> RunTask -> CommitOffsets.

https://getsentry.github.io/arroyo/getstarted.html and .../strategies/
"""

import signal
from collections.abc import Mapping
from typing import Any

from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, ProcessingStrategyFactory, RunTask
from arroyo.processing.strategies.abstract import ProcessingStrategy
from arroyo.processing.strategies.batching import BatchStep, ValuesBatch
from arroyo.types import Commit, Message, Partition, Topic

from lab.benchmarks.peers.answering import Answering, parse_command_line


class Factory(ProcessingStrategyFactory[KafkaPayload]):  # type: ignore[misc]
    """Batches by count and time; each is answered and written before its offsets go to CommitOffsets."""

    def __init__(self, answering: Answering, batch_size: int, wait_s: float) -> None:
        self._answering, self._batch_size, self._wait_s = answering, batch_size, wait_s

    def create_with_partitions(
        self, commit: Commit, partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        def answer(message: Message[ValuesBatch[KafkaPayload]]) -> Any:
            self._answering([self._answering.parse(value.payload.value) for value in message.payload])
            return message.payload

        return BatchStep(self._batch_size, self._wait_s, RunTask(answer, CommitOffsets(commit)))


def main() -> None:
    options = parse_command_line(__doc__)
    answering = Answering(options.decoding, options.redis)
    consumer = KafkaConsumer(
        build_kafka_consumer_configuration(
            {}, bootstrap_servers=[options.bootstrap], auto_offset_reset="earliest", group_id=options.group
        )
    )
    # Its default commit policy: once a second, what CommitOffsets has received.
    processor = StreamProcessor(consumer, Topic(options.topic), Factory(answering, options.batch_size, options.wait_s))
    signal.signal(signal.SIGTERM, lambda *_: processor.signal_shutdown())
    processor.run()


if __name__ == "__main__":
    main()
