"""Makes the sample pack, reproducibly from a seed: `python -m samples.make --output samples/pack`."""

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile  # type: ignore[import-untyped]
from PIL import Image
from rich.console import Console
from rich.progress import track

from mmdigit.settings.program import run_program
from samples.handwriting import Pixels, draw
from samples.speech import find_espeak, speak
from samples.strokes import DIGITS, SCRIBBLES

SEED = 20260
IMAGES_PER_DIGIT = 20
CLIPS_PER_DIGIT = 12
PAIRS_PER_DIGIT = 92
SINGLES_PER_DIGIT = 3
"""For each digit, the number of rows with an image only, and of rows with a clip only."""
CONFLICTS = 10
JPEG_EVERY = 5
WAV_EVERY = 2
COLUMNS = ("id", "image", "audio", "label")
# 10 * (92 + 3 + 3) + 10 conflicts + 10 scribbles = 1,000 rows

_DIGIT, _SCRIBBLE, _SPEECH, _MANIFEST = range(4)
"""The second seed of each random stream: no file depends on the others."""


class Row(NamedTuple):
    """One row of the manifest. Paths are relative to it; an empty one means that the modality is missing."""

    id: str
    image: str
    audio: str
    label: str


def image_path(digit: int, index: int) -> str:
    return f"images/{digit}_{index:02d}.{'jpg' if index % JPEG_EVERY == 3 else 'png'}"


def scribble_path(index: int) -> str:
    return f"images/scribble_{index:02d}.png"


def clip_path(digit: int, index: int) -> str:
    return f"audio/{digit}_{index:02d}.{'wav' if index % WAV_EVERY == 0 else 'flac'}"


def digit_image(digit: int, index: int) -> Pixels:
    """Image `index` of a digit; the variants of its template take turns."""
    variants = DIGITS[digit]
    return draw(variants[index % len(variants)], _rng(_DIGIT, digit, index))


def scribble_image(index: int) -> Pixels:
    """Image of a written character that is not a digit."""
    return draw(SCRIBBLES[index], _rng(_SCRIBBLE, index))


def manifest_rows() -> list[Row]:
    """All rows in order. Each pair of image and clip occurs once, so that every job has its own content."""
    rng = _rng(_MANIFEST)
    rows: list[Row] = []
    for digit in DIGITS:
        images = [image_path(digit, index) for index in range(IMAGES_PER_DIGIT)]
        clips = [clip_path(digit, index) for index in range(CLIPS_PER_DIGIT)]
        for pair in rng.permutation(len(images) * len(clips))[:PAIRS_PER_DIGIT].tolist():
            rows.append(Row("", images[pair // len(clips)], clips[pair % len(clips)], str(digit)))
        for index in rng.permutation(len(images))[:SINGLES_PER_DIGIT].tolist():
            rows.append(Row("", images[index], "", str(digit)))
        for index in rng.permutation(len(clips))[:SINGLES_PER_DIGIT].tolist():
            rows.append(Row("", "", clips[index], str(digit)))
    for index in range(CONFLICTS):
        written, spoken = rng.permutation(len(DIGITS))[:2].tolist()
        image = image_path(written, int(rng.integers(IMAGES_PER_DIGIT)))
        clip = clip_path(spoken, int(rng.integers(CLIPS_PER_DIGIT)))
        rows.append(Row(f"conflict-{index:02d}", image, clip, ""))
    rows += [Row(f"scribble-{index:02d}", scribble_path(index), "", "") for index in range(len(SCRIBBLES))]
    shuffled = [rows[place] for place in rng.permutation(len(rows)).tolist()]
    return [row if row.id else row._replace(id=f"sample-{place:04d}") for place, row in enumerate(shuffled)]


def make(output: Path, console: Console) -> None:
    """Write images/, audio/ and manifest.csv to the output folder; overwrites files of the same names.

    Raises DataError, before it writes anything, if espeak-ng is missing.
    """
    find_espeak()
    for folder in ("images", "audio"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    for digit in track(DIGITS, "drawing", console=console):
        for index in range(IMAGES_PER_DIGIT):
            _save_image(digit_image(digit, index), output / image_path(digit, index))
    for index in range(len(SCRIBBLES)):
        _save_image(scribble_image(index), output / scribble_path(index))
    for digit in track(DIGITS, "speaking", console=console):
        for index in range(CLIPS_PER_DIGIT):
            samples, rate_hz = speak(digit, _rng(_SPEECH, digit, index))
            soundfile.write(output / clip_path(digit, index), samples, rate_hz, subtype="PCM_16")
    _save_manifest(manifest_rows(), output / "manifest.csv")


def _rng(*stream: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *stream])


def _save_image(pixels: Pixels, path: Path) -> None:
    image = Image.fromarray(pixels)
    if path.suffix == ".jpg":
        image.save(path, quality=85)
    else:
        image.save(path, optimize=True)


def _save_manifest(rows: Iterable[Row], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m samples.make", description="Make the sample pack.")
    parser.add_argument(
        "--output", type=Path, default=Path("samples/pack"), help="folder to write to (default: %(default)s)"
    )
    output: Path = parser.parse_args(argv).output
    make(output, Console(stderr=True))
    n_bytes = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    sys.stdout.write(f"{output}: {len(manifest_rows())} rows, {n_bytes / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("samples.make", main))
