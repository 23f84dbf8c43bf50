"""Bytewax: its Kafka source, batches by `collect`, a custom sink, and a recovery store with its default interval.

https://docs.bytewax.io/stable/guide/concepts/recovery.html, .../connecting.html and .../operators.html
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from lab.benchmarks.peers.answering import Answering, parse_command_line

SNAPSHOT_EVERY = timedelta(seconds=10)
"""How often it notes its offsets: the default of its command line."""


class AnsweringPartition(StatelessSinkPartition[tuple[str, list[bytes]]]):  # type: ignore[misc]
    """Answers each batch that arrives."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def write_batch(self, items: Sequence[tuple[str, list[bytes]]]) -> None:
        for _key, values in items:
            self._answering([self._answering.parse(value) for value in values])


class AnsweringSink(DynamicSink[tuple[str, list[bytes]]]):  # type: ignore[misc]
    """The only step after the batches."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def build(self, step_id: str, worker_index: int, worker_count: int) -> AnsweringPartition:
        return AnsweringPartition(self._answering)


def dataflow(source: Any, sink: Any, batch_size: int, wait_s: float) -> Dataflow:
    """Batches over all partitions: one key, since `collect` gathers by key."""
    flow = Dataflow("digits")
    messages = op.input("jobs", flow, source)
    keyed = op.map("key", messages, lambda message: ("all", message.value))
    batches = op.collect("batch", keyed, timedelta(seconds=wait_s), batch_size)
    op.output("predictions", batches, sink)
    return flow


def main() -> None:
    options = parse_command_line(__doc__)
    state: Path = options.state / options.topic
    if not state.exists():  # a restart continues from it
        state.mkdir(parents=True)
        init_db_dir(state, 1)
    # A fetch of batch_size each, so that no partition runs ahead of the others.
    source = KafkaSource([options.bootstrap], [options.topic], batch_size=options.batch_size)
    sink = AnsweringSink(Answering(options.decoding, options.redis))
    flow = dataflow(source, sink, options.batch_size, options.wait_s)
    cli_main(flow, epoch_interval=SNAPSHOT_EVERY, recovery_config=RecoveryConfig(state))


if __name__ == "__main__":
    main()
