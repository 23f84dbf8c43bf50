"""The committed sample pack is complete, valid, small and balanced, and equals what the script draws."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

from samples import make
from samples.handwriting import Pixels
from samples.strokes import DIGITS, SCRIBBLES
from schemas.identifiers import is_identifier
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES

PACK = Path(make.__file__).parent / "pack"
MAX_PACK_BYTES = 2_500_000
# Another order of summation (SIMD, another numpy) may round a pixel differently.
MAX_ROUNDING = 1
MAX_MEAN_JPEG_ERROR = 8.0
"""Blue ink at 28x28 loses the most: half of its colour."""


def read_manifest() -> list[make.Row]:
    with (PACK / "manifest.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        assert tuple(next(reader)) == make.COLUMNS
        return [make.Row(*line) for line in reader]


def digit_of(path: str) -> str:
    return Path(path).name[0]


def test_manifest_is_what_the_script_writes() -> None:
    assert read_manifest() == make.manifest_rows()


def test_manifest_lists_files_of_the_pack_only() -> None:
    rows = read_manifest()
    named = {path for row in rows for path in (row.image, row.audio) if path}
    files = {path.relative_to(PACK).as_posix() for path in PACK.rglob("*") if path.is_file()} - {"manifest.csv"}
    assert named <= files
    expected = {make.image_path(digit, index) for digit in DIGITS for index in range(make.IMAGES_PER_DIGIT)}
    expected |= {make.clip_path(digit, index) for digit in DIGITS for index in range(make.CLIPS_PER_DIGIT)}
    expected |= {make.scribble_path(index) for index in range(len(SCRIBBLES))}
    assert files == expected


def test_ids_are_unique_identifiers_and_contents_are_unique() -> None:
    rows = read_manifest()
    assert len(rows) == 1000
    assert len({row.id for row in rows}) == len(rows)
    assert all(is_identifier(row.id) for row in rows)
    assert len({(row.image, row.audio) for row in rows}) == len(rows)


def test_labels_are_balanced_and_correct() -> None:
    labelled = [row for row in read_manifest() if row.label]
    assert Counter(row.label for row in labelled) == {str(digit): 98 for digit in DIGITS}
    assert all(digit_of(path) == row.label for row in labelled for path in (row.image, row.audio) if path)
    assert sum(not row.audio for row in labelled) == 30
    assert sum(not row.image for row in labelled) == 30


def test_unlabelled_rows_are_conflicts_and_scribbles() -> None:
    unlabelled = [row for row in read_manifest() if not row.label]
    conflicts = [row for row in unlabelled if row.id.startswith("conflict-")]
    scribbles = [row for row in unlabelled if row.id.startswith("scribble-")]
    assert (len(conflicts), len(scribbles), len(unlabelled)) == (10, 10, 20)
    assert all(digit_of(row.image) != digit_of(row.audio) for row in conflicts)
    assert all(Path(row.image).name.startswith("scribble_") and not row.audio for row in scribbles)


def test_pack_is_small() -> None:
    assert sum(path.stat().st_size for path in PACK.rglob("*") if path.is_file()) <= MAX_PACK_BYTES


def test_every_image_opens_and_has_a_known_size() -> None:
    paths = sorted((PACK / "images").iterdir())
    assert {path.suffix for path in paths} == {".png", ".jpg"}
    for path in paths:
        assert path.stat().st_size <= MAX_IMAGE_BYTES
        with Image.open(path, formats=("PNG",) if path.suffix == ".png" else ("JPEG",)) as image:
            image.load()
            assert image.mode in ("L", "RGB"), path
            assert 28 <= image.width <= 120, path
            assert 28 <= image.height <= 160, path
            assert np.ptp(np.asarray(image.convert("L"))) > 60, path


def test_every_clip_opens_and_is_audible() -> None:
    paths = sorted((PACK / "audio").iterdir())
    assert {path.suffix for path in paths} == {".wav", ".flac"}
    for path in paths:
        assert path.stat().st_size <= MAX_AUDIO_BYTES
        samples, rate_hz = soundfile.read(path)
        info = soundfile.info(path)
        assert (info.channels, info.subtype) == (1, "PCM_16"), path
        assert rate_hz in (8000, 11025, 16000), path
        assert 0.25 <= len(samples) / rate_hz <= 1.5, path
        assert np.abs(samples).max() > 0.2, path


@pytest.mark.parametrize("digit", DIGITS)
def test_script_draws_the_committed_images(digit: int) -> None:
    for index in range(make.IMAGES_PER_DIGIT):
        assert_same_image(make.digit_image(digit, index), PACK / make.image_path(digit, index))


def test_script_draws_the_committed_scribbles() -> None:
    for index in range(len(SCRIBBLES)):
        assert_same_image(make.scribble_image(index), PACK / make.scribble_path(index))


def assert_same_image(drawn: Pixels, path: Path) -> None:
    with Image.open(path) as image:
        committed = np.asarray(image).astype(np.int16)
    assert drawn.shape == committed.shape, path
    difference = np.abs(drawn.astype(np.int16) - committed)
    if path.suffix == ".png":
        assert difference.max() <= MAX_ROUNDING, path
    else:
        assert difference.mean() <= MAX_MEAN_JPEG_ERROR, path
