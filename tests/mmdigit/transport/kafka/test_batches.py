"""Record batches: too large when decompressed, not decompressible, or with invalid header names."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import confluent_kafka
import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from lab.kit.polling import until
from mmdigit.transport.headers import MAX_HEADERS
from mmdigit.transport.kafka import batches
from mmdigit.transport.kafka.batches import MAX_BATCH_BYTES, BatchTooLargeError, limit_batches
from mmdigit.transport.ports import Record
from mmdigit.transport.urls import open_consumer
from schemas.errors import TransportError
from tests.conftest import KafkaTopic

Codec = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]
CODECS: dict[str, Codec] = {
    "gzip": (gzip.compress, batches.gzip_decode),
    "lz4": (lz4.frame.compress, batches.lz4_decode),
    "zstd": (zstandard.compress, batches.zstd_decode),
}

Header = tuple[str, bytes | None]


@pytest.fixture(autouse=True)
def _bounded() -> None:
    limit_batches()


class _Name(str):
    """A header name that is not UTF-8."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def batch(
    values: list[tuple[bytes | None, bytes | None]], headers: list[Header] | None = None, codec: int = 0
) -> DefaultRecordBatch:
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 100 * MAX_BATCH_BYTES)
    for offset, (key, value) in enumerate(values):
        builder.append(offset, 1_700_000_000_000 + offset, key, value, headers or [])
    return DefaultRecordBatch(builder.build())


def read(records: Iterator[Any]) -> list[tuple[int, bytes | None, bytes | None]]:
    return [(record.offset, record.key, record.value) for record in records]


@pytest.mark.parametrize("name", CODECS)
def test_decoders_accept_content_within_the_limit(name: str) -> None:
    pack, unpack = CODECS[name]
    content = bytes(range(256)) * (MAX_BATCH_BYTES // 256)
    assert unpack(pack(content)) == content


def test_zstd_decode_joins_frames() -> None:
    assert batches.zstd_decode(zstandard.compress(b"one") + zstandard.compress(b"two")) == b"onetwo"


@pytest.mark.parametrize("name", CODECS)
def test_decoders_reject_one_byte_more(name: str) -> None:
    pack, unpack = CODECS[name]
    with pytest.raises(BatchTooLargeError, match="more than 33554432 bytes"):
        unpack(pack(bytes(MAX_BATCH_BYTES + 1)))


@pytest.mark.parametrize("name", CODECS)
@given(st.binary(max_size=200))
def test_decoders_survive_random_bytes(name: str, rubbish: bytes) -> None:
    pack, unpack = CODECS[name]
    for content in (rubbish, pack(rubbish)[:-2], pack(b"x")[:12] + rubbish):
        try:
            unpack(content)
        except BatchTooLargeError:
            continue


def test_zstd_decode_bounds_its_memory() -> None:
    # In its own process, because only the peak of a whole process can be measured.
    script = """
import io, resource, zstandard
from mmdigit.transport.kafka.batches import MAX_BATCH_BYTES, BatchTooLargeError, zstd_decode
packed, compressor = io.BytesIO(), zstandard.ZstdCompressor()
with compressor.stream_writer(packed, closefd=False) as writer:
    for _ in range(1024):
        writer.write(bytes(1024 * 1024))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(packed.getvalue()) < 1024 * 1024
try:
    zstd_decode(packed.getvalue())
except BatchTooLargeError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 2.5 * MAX_BATCH_BYTES / 2**20


contents = st.none() | st.binary(max_size=50)


@given(
    st.lists(st.tuples(contents, contents), min_size=1, max_size=5),
    st.lists(st.tuples(st.text(max_size=5), contents), max_size=MAX_HEADERS + 2),
    st.sampled_from([0, 1, 3, 4]),
)
def test_read_record_round_trip(
    values: list[tuple[bytes | None, bytes | None]], headers: list[Header], codec: int
) -> None:
    assert read(batch(values, headers, codec)) == [(offset, *pair) for offset, pair in enumerate(values)]
    assert all(record.headers == headers[:MAX_HEADERS] for record in batch(values, headers, codec))


def test_read_record_accepts_header_names_that_are_not_utf8() -> None:
    [record] = batch([(b"k", b"v")], [(_Name("x"), b"y")])
    assert (record.key, record.value, record.headers) == (b"k", b"v", [("\ufffd\ufffd", b"y")])


@given(st.integers(61, 120), st.integers(0, 255))
def test_read_record_survives_damaged_batches(place: int, byte: int) -> None:
    damaged = batch([(b"key", b"value"), (None, b"second")])
    damaged._buffer[place % len(damaged._buffer)] = byte
    try:
        read(damaged)
    except CorruptRecordError:
        return


@pytest.mark.docker
def test_oversized_batch_error_names_the_remedy(kafka_topic: KafkaTopic) -> None:
    """On a real broker: the consumer rejects the batch after it delivered the records before it."""
    url = kafka_topic()
    address, _, topic = url.removeprefix("kafka://").partition("/")
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": address, "compression.type": "zstd", "message.max.bytes": 200_000_000}
    )
    producer.produce(topic, b"before")
    producer.flush(10)
    producer.produce(topic, bytes(2 * MAX_BATCH_BYTES))
    assert producer.flush(30) == 0
    with open_consumer(url, group="g") as consumer:
        polled: list[Record] = []
        with pytest.raises(TransportError, match=r"compression\.type=uncompressed"):
            until(lambda: polled.extend(consumer.poll(10, 1.0)), "a refusal")
        assert [record.value for record in polled] == [b"before"]
        for _ in range(3):  # neither skipped nor retried forever
            with pytest.raises(TransportError, match=r"compression\.type=uncompressed"):
                until(lambda: consumer.poll(10, 1.0), "a refusal")


@pytest.mark.docker
def test_uncompressed_topic_rejects_an_oversized_batch(kafka_bootstrap: str, kafka_topic: KafkaTopic) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    from lab.kit.services import kafka_admin

    url = kafka_topic()
    topic = url.rpartition("/")[2]
    admin = kafka_admin(kafka_bootstrap)
    try:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"compression.type": "uncompressed"})]
        )
    finally:
        admin.close()
    refused: list[Any] = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": kafka_bootstrap, "compression.type": "zstd", "message.max.bytes": 200_000_000}
    )
    producer.produce(topic, bytes(2 * MAX_BATCH_BYTES), on_delivery=lambda error, _: refused.append(error))
    producer.flush(30)
    assert [error.code() for error in refused] == [confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE]
