"""Folders, manifests and pairs: what they yield, and what they say about bad input."""

import gzip
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmdigit.datasets import fsdd, idx
from producer.sources.opening import open_source
from producer.sources.pairs import PairsSource
from producer.sources.sample import Sample, Source, Unreadable
from schemas.errors import DataError, MmdigitError
from schemas.identifiers import is_identifier
from schemas.job import MAX_IMAGE_BYTES
from tests.mmdigit.datasets.small_mnist import write_mnist


def opened(text: str | Path, count: int | None = None, seed: int = 0) -> Source:
    return open_source(str(text), count=count, seed=seed, split="test")


def filled(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_bytes(content)
    return folder


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# Folder


def test_files_of_one_stem_are_one_sample(tmp_path: Path) -> None:
    filled(tmp_path, b_wav=b"B", a_png=b"A", a_flac=b"AA", c_JPG=b"C", notes_txt=b"?", d_jpeg=b"D")
    (tmp_path / ".hidden.png").write_bytes(b"?")
    filled_folder = tmp_path / "inside"
    filled_folder.mkdir()
    filled(filled_folder, e_png=b"E")
    source = opened(tmp_path)
    assert len(source) == 4
    assert list(source) == list(source) == [
        Sample("a", b"A", b"AA", None),
        Sample("b", None, b"B", None),
        Sample("c", b"C", None, None),
        Sample("d", b"D", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "got none"),
        ({"notes_txt": b"?"}, "got none"),
        ({"a_png": b"1", "a_jpg": b"2"}, r"one image file for each stem, got a\.jpg and a\.png"),
        ({"a_wav": b"1", "a_flac": b"2"}, "one audio file"),
    ],
)
def test_a_folder_that_is_no_source(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(filled(tmp_path, **files))


def test_what_is_wrong_with_one_file_leaves_the_others(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", b_png=b"", c_png=b"x" * (MAX_IMAGE_BYTES + 1), z_png=b"Z")
    (tmp_path / "e.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "f.wav")  # would block whoever opens it
    found = list(opened(tmp_path))
    assert [sample.sample_id for sample in found] == ["a", "b", "c", "e", "f", "z"]
    reasons = [sample.reason for sample in found if isinstance(sample, Unreadable)]
    for reason, expected in zip(
        reasons,
        ["is empty", "larger than 2097152 bytes", "No such file", "a named pipe, not a regular file"],
        strict=True,
    ):
        assert expected in reason


def test_a_source_has_the_same_group_in_every_run_and_another_elsewhere(tmp_path: Path) -> None:
    for name in ("jan", "feb"):
        (tmp_path / name).mkdir()
        filled(tmp_path / name, a_png=b"A")
    january = opened(tmp_path / "jan").group
    assert january == opened(tmp_path / "feb" / ".." / "jan").group
    assert january.startswith("jan-")
    assert january != opened(tmp_path / "feb").group


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_every_folder_name_makes_a_group(tmp_path: Path, name: str) -> None:
    from producer.sources.group_names import group_of_path

    assert is_identifier(group_of_path(tmp_path / name))


# Manifest


def test_rows_become_samples(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", a_wav=b"AA")
    absolute = tmp_path / "a.png"
    path = manifest(
        tmp_path,
        f"\ufeffid,image,audio,label,note\r\n1,a.png,a.wav,7,first\r\n=2, a.png ,,\r\n\r\n3,,{tmp_path}/a.wav,0\r\n"
        f'"four, and more",{absolute},,\r\n',
    )
    source = opened(path)
    assert len(source) == 4
    assert list(source) == [
        Sample("1", b"A", b"AA", 7),
        Sample("=2", b"A", None, None),
        Sample("3", None, b"AA", 0),
        Sample("four, and more", b"A", None, None),
    ]


def test_columns_in_any_order_and_label_left_out(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A")
    assert list(opened(manifest(tmp_path, "image,id\na.png,1\n"))) == [Sample("1", b"A", None, None)]


def test_what_is_wrong_with_one_row_leaves_the_others(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A")
    path = manifest(
        tmp_path,
        "id,image,audio,label\n"
        "1,gone.png,,\n"
        "2,,,3\n"
        ",a.png,,\n"
        "4,a.png,,12\n"
        "5,a.png,,seven\n"
        "6,a.png\n"
        "7,.,,\n"
        "8,\x1b[31m\u202e.png,,\n",
    )
    found = list(opened(path))
    assert found[5] == Sample("6", b"A", None, None)
    lines = [f"{sample.sample_id}: {sample.reason}" for sample in found if isinstance(sample, Unreadable)]
    for line, expected in zip(
        lines,
        [
            "1: cannot read image",
            "2: line 3 of manifest.csv, columns image and audio: expected an image",
            "no id: line 4 of manifest.csv, column id: expected an id",
            "4: line 5 of manifest.csv, column label: expected a label from 0 to 9 or none, got 12",
            "5: line 6 of manifest.csv, column label: expected a label",
            "7: cannot read image",
            "8: cannot read image",
        ],
        strict=True,
    ):
        assert line.startswith(expected)
        assert line.isprintable()


@pytest.mark.parametrize("text", ["nowhere", "", "a\0b", "/dev/null", "x" * 5000, "pairs:nowhere", "pairs:"])
def test_what_is_not_there_is_one_line(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MmdigitError) as caught:
        opened(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


# Count


def test_count_takes_the_first(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", b_png=b"B", c_png=b"C")
    first = opened(tmp_path, count=2)
    assert (len(first), [sample.sample_id for sample in first]) == (2, ["a", "b"])
    assert first.group == opened(tmp_path).group
    assert len(opened(tmp_path, count=9)) == 3


# Pairs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder laid out like the real data sets: each image is its number in two pixels, each recording its name."""
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


def test_pairs_are_of_one_digit_and_of_the_test_split(data: Path) -> None:
    source = opened(f"pairs:{data}", count=200)
    assert (len(source), source.group) == (200, "pairs-test-0")
    for sample in readable(source):
        digit, speaker, index = (sample.audio or b"").decode().removesuffix(".wav").split("_")
        assert (int(digit), image_number(sample) % 10) == (sample.label, sample.label)
        assert speaker == "speaker"
        assert int(index) < 5


def test_pairs_are_the_same_for_a_seed_and_others_for_another(data: Path) -> None:
    shorter, longer = opened(f"pairs:{data}", count=5), opened(f"pairs:{data}", count=9)
    assert list(shorter) == list(shorter) == list(islice(longer, 5))
    other = opened(f"pairs:{data}", count=5, seed=1)
    assert list(other) != list(shorter)
    assert other.group == "pairs-test-1"
    assert len(opened(f"pairs:{data}")) == 10_000


def test_every_image_comes_once_before_any_comes_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PairsSource, "_png", lambda self, index: index.to_bytes(4, "big"))
    numbers = Counter(sample.image for sample in readable(opened(f"pairs:{data}", count=10_010)))
    assert len(numbers) == 10_000
    assert sum(numbers.values()) == 10_010
    assert max(numbers.values()) == 2


def test_a_recording_that_went_away_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_an_altered_mnist_file_is_named(
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


def test_a_digit_without_recordings_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "MNIST").symlink_to(data / "MNIST")
    recordings = tmp_path / fsdd.FOLDER
    recordings.mkdir(parents=True)
    (recordings / "0_speaker_0.wav").write_bytes(b"x")
    with pytest.raises(DataError, match=r"recordings of all ten digits in .*, got none of 1"):
        opened(f"pairs:{tmp_path}")


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
@pytest.mark.parametrize("split", ["test", "train"])
def test_the_real_data_sets(split: str) -> None:
    source = open_source(f"pairs:{os.environ['MMDIGIT_DATA']}", count=20, seed=0, split=split)  # type: ignore[arg-type]
    for sample in readable(source):
        assert (sample.image or b"").startswith(b"\x89PNG")
        assert (sample.audio or b"").startswith(b"RIFF")
        assert sample.label in range(10)
