"""FastStream: a batch subscriber of its Kafka broker, acknowledged after processing.

https://faststream.ag2.ai/latest/kafka/Subscriber/batch_subscriber/ and .../getting-started/acknowledgement/
"""

import asyncio
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from lab.benchmarks.peers.answering import Answering, parse_command_line


def main() -> None:
    options = parse_command_line(__doc__)
    answering = Answering(options.decoding, options.redis)
    broker = KafkaBroker(options.bootstrap)
    settings: dict[str, Any] = {
        "batch": True,
        "max_records": options.batch_size,
        "batch_timeout_ms": round(options.wait_s * 1000),
        "group_id": options.group,
        "auto_offset_reset": "earliest",
        "ack_policy": AckPolicy.ACK,
    }

    if options.decoding == "own":  # FastStream itself parses the JSON into the annotated type

        @broker.subscriber(options.topic, **settings)  # type: ignore[untyped-decorator]
        async def handle_parsed(jobs: list[dict[str, Any]]) -> None:
            answering(jobs)

    else:

        async def untouched(message: KafkaMessage) -> Any:
            return message.body

        @broker.subscriber(options.topic, decoder=untouched, **settings)  # type: ignore[untyped-decorator]
        async def handle_bytes(values: list[bytes]) -> None:
            answering([answering.parse(value) for value in values])

    asyncio.run(FastStream(broker).run())  # ends on SIGTERM


if __name__ == "__main__":
    main()
