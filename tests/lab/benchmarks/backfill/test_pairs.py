"""Samples become files and a manifest that the product reads."""

from pathlib import Path

from lab.benchmarks.backfill.pairs import write_pairs
from mmdigit.datasets.opening import open_samples
from producer.sources.sample import Sample

SAMPLES = [
    Sample("a", b"image of 1", b"clip of 1", 1),
    Sample("b", b"image of 2", None, None),
    Sample("c", None, b"clip of 1", 1),
]


def test_each_content_is_one_file_and_rows_repeat_them(tmp_path: Path) -> None:
    manifest = write_pairs(SAMPLES, 7, tmp_path)
    assert sorted(path.parent.name for path in tmp_path.glob("*/*")) == ["audio", "image", "image"]
    rows = list(open_samples(manifest))
    assert len({row.id for row in rows}) == len(rows) == 7
    for number, row in enumerate(rows):
        sample = SAMPLES[number % 3]
        assert row.fault is None
        assert (row.image and row.image.read_bytes(), row.audio and row.audio.read_bytes()) == (
            sample.image,
            sample.audio,
        )
        assert row.label == sample.label
