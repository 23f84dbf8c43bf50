"""The loop that most people write first: one message at a time, as on https://kafka-python.readthedocs.io."""

import signal
import sys

from kafka import KafkaConsumer

from lab.benchmarks.peers.answering import Answering, parse_command_line


def main() -> None:
    options = parse_command_line(__doc__)
    answering = Answering(options.decoding, options.redis)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    consumer = KafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    for message in consumer:
        answering([answering.parse(message.value)])
        consumer.commit()


if __name__ == "__main__":
    main()
