"""Random pairs as a source: their digits, their order, and their errors on damaged data sets."""

import gzip
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdigit.datasets import fsdd, idx
from producer.sources.opening import open_source
from producer.sources.pairs import PairsSource
from producer.sources.sample import Sample, Source, Unreadable
from schemas.errors import DataError
from tests.mmdigit.datasets.small_mnist import write_mnist


def opened(text: str, count: int | None = None, seed: int = 0) -> Source:
    return open_source(text, count=count, seed=seed, split="test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder like the real data sets: each image encodes its number in two pixels, each recording its name."""
    folder = tmp_path_factory.mktemp("data")
    recordings = folder / fsdd.FOLDER
    recordings.mkdir(parents=True)
    numbers = np.arange(10_000)
    images = np.zeros((10_000, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(numbers, 256)
    for digit in range(10):
        for index in range(7):
            name = f"{digit}_speaker_{index}.wav"
            (recordings / name).write_text(name)
    (recordings / "readme.txt").write_text("?")
    with pytest.MonkeyPatch.context() as patch:
        write_mnist(folder, patch, "t10k", images, np.asarray(numbers % 10, np.uint8))
        yield folder


def image_number(sample: Sample) -> int:
    assert sample.image is not None
    with Image.open(io.BytesIO(sample.image), formats=["PNG"]) as image:
        assert (image.size, image.mode) == ((28, 28), "L")
        pixels = image.tobytes()
    return pixels[0] * 256 + pixels[1]


def readable(source: Source) -> Iterator[Sample]:
    for sample in source:
        assert isinstance(sample, Sample)
        yield sample


def test_pairs_share_a_digit_and_are_of_the_test_split(data: Path) -> None:
    source = opened(f"pairs:{data}", count=200)
    assert (len(source), source.group) == (200, "pairs-test-0")
    for sample in readable(source):
        digit, speaker, index = (sample.audio or b"").decode().removesuffix(".wav").split("_")
        assert (int(digit), image_number(sample) % 10) == (sample.label, sample.label)
        assert speaker == "speaker"
        assert int(index) < 5


def test_pairs_depend_on_the_seed(data: Path) -> None:
    shorter, longer = opened(f"pairs:{data}", count=5), opened(f"pairs:{data}", count=9)
    assert list(shorter) == list(shorter) == list(islice(longer, 5))
    other = opened(f"pairs:{data}", count=5, seed=1)
    assert list(other) != list(shorter)
    assert other.group == "pairs-test-1"
    assert len(opened(f"pairs:{data}")) == 10_000


def test_pairs_use_every_image_before_repeating_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PairsSource, "_png", lambda self, index: index.to_bytes(4, "big"))
    numbers = Counter(sample.image for sample in readable(opened(f"pairs:{data}", count=10_010)))
    assert len(numbers) == 10_000
    assert sum(numbers.values()) == 10_010
    assert max(numbers.values()) == 2


def test_pairs_name_a_missing_recording(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened(f"pairs:{data}", count=1)
    (sample,) = readable(source)
    recording = data / fsdd.FOLDER / (sample.audio or b"").decode()
    recording.rename(recording.with_suffix(".gone"))
    try:
        (found,) = source
        assert isinstance(found, Unreadable)
        assert "No such file" in found.reason
    finally:
        recording.with_suffix(".gone").rename(recording)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: None, "expected .*images-idx3-ubyte.gz, got no such file; run `mmdigit data download`"),
        (lambda content: content[:1000], "cannot read it .*download it again"),
        (lambda content: b"not gzip", "cannot read it .*download it again"),
        (lambda content: gzip.compress(b"\0" * 100), "got something else"),
        (lambda content: gzip.compress(gzip.decompress(content) + b"\0", 1), "got something else"),
    ],
)
def test_pairs_name_an_altered_mnist_file(
    data: Path, tmp_path: Path, change: Callable[[bytes], bytes | None], message: str
) -> None:
    raw = tmp_path / idx.FOLDER
    raw.mkdir(parents=True)
    name = "t10k-images-idx3-ubyte.gz"
    content = change((data / idx.FOLDER / name).read_bytes())
    if content is not None:
        (raw / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        opened(f"pairs:{tmp_path}")


def test_pairs_name_a_digit_without_recordings(data: Path, tmp_path: Path) -> None:
    (tmp_path / "MNIST").symlink_to(data / "MNIST")
    recordings = tmp_path / fsdd.FOLDER
    recordings.mkdir(parents=True)
    (recordings / "0_speaker_0.wav").write_bytes(b"x")
    with pytest.raises(DataError, match=r"recordings of all ten digits in .*, got none of 1"):
        opened(f"pairs:{tmp_path}")


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
@pytest.mark.parametrize("split", ["test", "train"])
def test_pairs_of_the_real_data_sets(split: str) -> None:
    source = open_source(f"pairs:{os.environ['MMDIGIT_DATA']}", count=20, seed=0, split=split)  # type: ignore[arg-type]
    for sample in readable(source):
        assert (sample.image or b"").startswith(b"\x89PNG")
        assert (sample.audio or b"").startswith(b"RIFF")
        assert sample.label in range(10)
