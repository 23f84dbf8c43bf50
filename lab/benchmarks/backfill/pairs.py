"""Samples as files and a manifest, which both programs read."""

import csv
import hashlib
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from producer.sources.sample import Sample

COLUMNS = ("id", "image", "audio", "label")


def write_pairs(samples: Sequence[Sample], count: int, folder: Path) -> Path:
    """Write count rows with distinct ids, and each distinct image and clip once; the samples repeat.

    Returns the manifest, whose paths are relative to it.
    """
    manifest = folder / "pairs.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for number, sample in enumerate(islice(cycle(samples), count)):
            image, audio = (_written(folder / kind, getattr(sample, kind)) for kind in ("image", "audio"))
            rows.writerow((f"pair-{number:07}", image, audio, "" if sample.label is None else sample.label))
    return manifest


def _written(folder: Path, content: bytes | None) -> str:
    """The file's path below the manifest; "" for no content."""
    if content is None:
        return ""
    folder.mkdir(exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()
    if not path.exists():
        path.write_bytes(content)
    return f"{folder.name}/{path.name}"
