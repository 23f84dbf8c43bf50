"""The work of a job, part by part, without network, disk and network model: for lab.benchmarks.instructions.

Each part is a call that does its work for one batch. "turn" is all of a turn of the worker's loop but the consumer's
own work, so it contains "parse", "decode", "answer", "make" and "store"; "struck out" is a part of "answer".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from kafka import TopicPartition as KafkaPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from numpy.typing import NDArray

from lab.benchmarks.decoding import BOX_PIXELS, file_formats
from lab.kit.padding import padded
from lab.kit.records import records
from lab.kit.stand_ins import MemoryConsumer, RepeatedOutputs, unsent_store
from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.metadata import read_metadata
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.transport.kafka.batches import limit_batches
from mmdigit.transport.kafka.consumer import to_record
from producer.sources.sample import Sample
from schemas.wire import decode_job
from worker.decoding import decode
from worker.loop import Worker
from worker.metrics import Metrics
from worker.outcomes import make_prediction
from worker.settings import WorkerSettings

BATCH_SIZE = 32
PARTITIONS = 8
PLAIN_BYTES = 7_400  # the mean of a digit of MNIST and one of the Free Spoken Digit Dataset
FAINT = 64  # of 255
CROPS = 8
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Pair = tuple[bytes | None, bytes | None]
Part = Callable[[], object]


@dataclass(frozen=True)
class Inputs:
    """What the parts work on."""

    pairs: list[Pair]
    """PNG files of 28x28 pixels and clips at 8 kHz, as most senders send them."""
    crops: list[Pair]
    """Boxes of a form in a phone's photo as JPEG, clips at 48 kHz."""
    cells: list[Pair]
    """784 raw bytes, no sound."""
    outputs: dict[str, NDArray[np.float32]]
    """The network's for the pairs, by name."""


def inputs_of(samples: Sequence[Sample]) -> Inputs:
    """From samples with image and audio. Raises ValueError if fewer than BATCH_SIZE have both."""
    plain = [padded(_crisp(sample), PLAIN_BYTES) for sample in samples if sample.image and sample.audio]
    inputs = [decode_input(sample.image, sample.audio) for sample in plain]
    chosen = [number for number, each in enumerate(inputs) if not each.photographed][:BATCH_SIZE]
    if len(chosen) < BATCH_SIZE:
        raise ValueError(f"expected {BATCH_SIZE} samples with image and audio, got {len(chosen)}")
    files = {name: contents for name, (_, contents) in file_formats([plain[number] for number in chosen]).items()}
    crops: list[Pair] = [*zip(files[f"JPEG of a box, {BOX_PIXELS} px"], files["WAV, 48 kHz"], strict=True)]
    return Inputs(
        [(plain[number].image, plain[number].audio) for number in chosen],
        crops[:CROPS],
        [(cell, None) for cell in files["784 raw bytes"]],
        Predictor.load().outputs([inputs[number] for number in chosen]),
    )


def _crisp(sample: Sample) -> Sample:
    """The sample with an image of 28x28 pixels, without the faint edges by which it would not look like MNIST."""
    pixels = np.round(255 * decode_image(sample.image or b"")).astype(np.uint8)
    pixels[pixels < FAINT] = 0
    return replace(sample, image=pixels.tobytes())


def parts_of(inputs: Inputs) -> dict[str, tuple[int, Part]]:
    """For each part, how many jobs its call is for, and the call."""
    samples = [Sample(str(number), *pair, None) for number, pair in enumerate(inputs.pairs)]
    values = [value for _, value in records(samples, BATCH_SIZE, "work")]
    cell_samples = [Sample(str(number), *pair, None) for number, pair in enumerate(inputs.cells)]
    cell_values = [value for _, value in records(cell_samples, BATCH_SIZE, "work")]
    fetched = _record_batch(values)
    decoded = decode(MemoryConsumer(values, PARTITIONS).poll(BATCH_SIZE, 0), lambda: 0.0)
    model = Predictor(
        RepeatedOutputs(inputs.outputs), read_metadata(WEIGHTS.with_suffix(".json")), DEFAULT_TARGET_ERROR
    )
    taken: list[ModelInput] = [each.sample for each in decoded if each.sample]
    answered = list(zip(decoded, model.predict(taken), strict=True))
    store = unsent_store()

    def make() -> list[Any]:
        return [make_prediction(each, answer, NOON, 0.01, 0.01, BATCH_SIZE) for each, answer in answered]

    predictions = make()
    parts: dict[str, tuple[int, Part]] = {
        "turn": (BATCH_SIZE, _worker(values, model).run_once),
        "turn, cells": (BATCH_SIZE, _worker(cell_values, model).run_once),
        "poll": (BATCH_SIZE, lambda: _records_of(fetched)),
        "parse": (BATCH_SIZE, lambda: [decode_job(value) for value in values]),
        "decode": (BATCH_SIZE, lambda: decode_batch(inputs.pairs)),
        "decode, cells": (BATCH_SIZE, lambda: decode_batch(inputs.cells)),
        "decode, crops": (CROPS, lambda: decode_batch(inputs.crops)),
        "answer": (BATCH_SIZE, lambda: model.predict(taken)),
        "struck out": (BATCH_SIZE, lambda: model.image_reasons(taken)),
        "make": (BATCH_SIZE, make),
        "store": (BATCH_SIZE, lambda: store.put(predictions)),
    }
    return parts


def _worker(values: Sequence[bytes], model: Predictor) -> Worker:
    """A worker that polls these values over and over, with the store of unsent_store()."""
    settings = WorkerSettings.model_validate({"from": "sqlite:///a", "store": "sqlite:///a", "batch_size": BATCH_SIZE})
    no_publisher: Any = None
    return Worker(settings, model, MemoryConsumer(values, PARTITIONS), unsent_store(), no_publisher, Metrics())


def _record_batch(values: Sequence[bytes]) -> bytes:
    """The values as a broker sends them."""
    limit_batches()
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1 << 30)
    for number, value in enumerate(values):
        builder.append(1_700_000_000_000 + number, None, value)
    builder.close()
    return bytes(builder.buffer())


def _records_of(fetched: bytes) -> list[Any]:
    """The records of a fetched batch, as the consumer returns them."""
    taken = Fetcher.PartitionRecords(0, KafkaPartition("jobs", 0), MemoryRecords(fetched)).take()
    return [to_record(record) for record in taken]
