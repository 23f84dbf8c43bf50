"""Ray Data as its documentation does batch inference: read, map_batches with a pool of actors, write.

    python -m lab.benchmarks.backfill.ray_data MANIFEST OUTPUT --temporary DIR [--checkpoint DIR] [--counted FILE]

https://docs.ray.io/en/latest/data/batch_inference.html; --checkpoint: its CheckpointConfig, by which a second start
leaves out what the first has written. --counted: a line with the size of each batch that is predicted.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdigit.files.predictions_csv import answer_row
from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor

BATCH_SIZE = 64
BLOCK_ROWS = 1_000
"""Rows that are read, kept, written and noted in the checkpoint together. By default Ray makes a few blocks of all."""

ACTORS = CORES = 2
ACTOR_CORES, IO_CORES = 0.8, 0.2
"""Shares by which Ray schedules: with a whole core for each actor, none would be left to read and write."""

STARTED = "started its cluster in"
"""What it says of itself, with seconds."""

Columns = dict[str, Any]
"""By name an array with one value a row."""


class Reading:
    """The actor: loads the model once, then reads the files of each batch and predicts them."""

    def __init__(self, folder: Path, counted: Path | None) -> None:
        self._folder = folder
        self._counted = None if counted is None else os.open(counted, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._predictor = Predictor.load()
        self._predictor.warm_up()

    def __call__(self, batch: Columns) -> Columns:
        pairs = zip(batch["image"], batch["audio"], strict=True)
        samples = decode_batch([(self._bytes(image), self._bytes(audio)) for image, audio in pairs])
        for sample in samples:
            if isinstance(sample, Exception):
                raise sample
        answers = self._predictor.predict([sample for sample in samples if isinstance(sample, ModelInput)])
        if self._counted is not None:
            os.write(self._counted, f"{len(answers)}\n".encode())
        rows = [answer_row(answer) for answer in answers]
        return {"id": batch["id"], **{name: np.array([row[name] for row in rows]) for name in rows[0]}}

    def _bytes(self, name: str | None) -> bytes | None:
        return (self._folder / name).read_bytes() if name else None


def predict(manifest: Path, output: Path, temporary: Path, checkpoint: Path | None, counted: Path | None) -> None:
    """Read the manifest's rows and write their predictions as CSV files into the folder output.

    temporary: for Ray's own files, with a short path. checkpoint: a folder that says what is written.
    """
    import pyarrow
    import pyarrow.csv
    import ray
    from ray.data.checkpoint import CheckpointConfig

    began_s = time.monotonic()
    ray.init(num_cpus=CORES, include_dashboard=False, _temp_dir=str(temporary))
    sys.stdout.write(f"{STARTED} {time.monotonic() - began_s:.3f} s\n")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    if checkpoint is not None:
        context.checkpoint_config = CheckpointConfig(id_column="id", checkpoint_path=str(checkpoint))
    texts = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(("id", "image", "audio", "label"), pyarrow.string()), strings_can_be_null=True
    )
    with manifest.open("rb") as file:
        rows = sum(1 for _ in file) - 1
    blocks = -(-rows // BLOCK_ROWS)
    read = ray.data.read_csv(str(manifest), convert_options=texts, override_num_blocks=blocks, num_cpus=IO_CORES)
    answers = read.map_batches(
        Reading,
        fn_constructor_args=(manifest.parent, counted),
        batch_size=BATCH_SIZE,
        compute=ray.data.ActorPoolStrategy(size=ACTORS),
        num_cpus=ACTOR_CORES,
    )
    answers.write_csv(str(output), ray_remote_args={"num_cpus": IO_CORES})


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.backfill.ray_data", description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--temporary", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--counted", type=Path)
    options = parser.parse_args(argv)
    predict(options.manifest, options.output, options.temporary, options.checkpoint, options.counted)


if __name__ == "__main__":
    main()
