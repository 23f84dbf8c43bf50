"""A customer's corrected digits: what the model's encoders say of each, its label, and who wrote it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from mmdigit.datasets.manifest import Manifest
from mmdigit.reading.decision import Head
from mmdigit.reading.digit_reader import decode_files
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.evaluate.held_out import batches
from schemas.errors import DataError, InvalidJob
from schemas.printable import printable


@dataclass(frozen=True, eq=False)
class Corrections:
    """N digits. inputs: as the model takes them; labels: (N,), 0-9; writers: (N,), a number for each name."""

    inputs: list[ModelInput]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    embeddings: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Of image and audio, each (N, EMBEDDING), once they are computed; those of a missing modality mean nothing."""

    def select(self, rows: NDArray[Any]) -> Self:
        """These digits: indices, (M,), or a mask, (N,)."""
        chosen = np.arange(self.labels.size)[rows]
        embeddings = {name: values[chosen] for name, values in self.embeddings.items()}
        return type(self)([self.inputs[row] for row in chosen], self.labels[chosen], self.writers[chosen], embeddings)

    def embed(self, predictor: Predictor) -> Self:
        """The same digits with their embeddings."""
        names = {modality: f"{modality}_embedding" for modality in ("image", "audio")}
        parts = [predictor.outputs(part, list(names.values())) for part in batches(self.inputs)]
        embeddings = {modality: np.concatenate([part[name] for part in parts]) for modality, name in names.items()}
        return replace(self, embeddings=embeddings)

    def answered_by(self, head: Head) -> NDArray[np.int64]:
        """The rows of the digits that a head answers."""
        image = np.array([each.image is not None for each in self.inputs], bool)
        audio = np.array([each.waveform is not None for each in self.inputs], bool)
        return np.flatnonzero({"image": image, "audio": audio, "fused": image & audio}[head])

    def folds(self, count: int) -> NDArray[np.int64]:
        """A fold for each digit, (N,): every writer's digits in one, and about as many digits in each."""
        sizes = np.bincount(self.writers)
        fold_of_writer, filled = np.zeros(sizes.size, np.int64), np.zeros(count, np.int64)
        for writer in np.argsort(-sizes, kind="stable"):
            fold_of_writer[writer] = filled.argmin()
            filled[fold_of_writer[writer]] += sizes[writer]
        return fold_of_writer[self.writers]


def read_corrections(path: Path) -> Corrections:
    """Read a manifest with the columns label and writer. What cannot be used is named on standard error and left out.

    Raises DataError if the manifest cannot be used, or if no row of it can.
    """
    manifest = Manifest.open(path)
    inputs: list[ModelInput] = []
    labels: list[int] = []
    names: list[str] = []
    for row in track(manifest, "corrections", total=len(manifest), console=Console(stderr=True)):
        try:
            if row.fault is not None:
                raise DataError(row.fault)
            if row.label is None or not row.writer:
                missing = "label" if row.label is None else "writer"
                raise DataError(f"expected a {missing} in line {row.line}, got none; fill the column in")
            inputs.append(decode_files(row.image, row.audio))
        except (DataError, InvalidJob) as exc:
            sys.stderr.write(f"mmdigit: {printable(row.id) or 'no id'}: {exc}\n")
        else:
            labels.append(row.label)
            names.append(row.writer)
    if not inputs:
        raise DataError(
            f"expected a row that can be used in {printable(str(path), 200)}, got none; see the lines above"
        )
    return Corrections(inputs, np.array(labels), np.unique(names, return_inverse=True)[1].astype(np.int64))
