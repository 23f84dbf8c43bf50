"""Pixels and samples in arrays of every dtype and shape: the same answers and errors as files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

import mmdigit
from schemas.errors import InvalidAudio, InvalidImage
from schemas.job import MAX_IMAGE_BYTES
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, tone, wav

ROOT = Path(__file__).parents[3]


IMAGE, CLIP = (ROOT / "samples" / "pack" / name for name in ("images/7_00.png", "audio/7_00.wav"))


@pytest.fixture(scope="module")
def reader() -> mmdigit.DigitReader:
    return mmdigit.load()


@pytest.mark.parametrize(
    "as_array",
    [
        lambda grey: grey[..., np.newaxis],
        lambda grey: np.dstack([grey] * 3),
        lambda grey: np.dstack([grey] * 3 + [np.full_like(grey, 255)]),
        lambda grey: grey.astype(np.float64) / 255,
        lambda grey: grey.astype(np.int64),
        lambda grey: np.dstack([grey.astype(np.float32) / 255] * 3),
        lambda grey: np.asfortranarray(grey),
        lambda grey: grey.astype(np.uint16) * 257,
    ],
    ids=["channel", "RGB", "RGBA", "fractions", "int64", "RGB-fractions", "Fortran", "uint16"],
)
def test_reader_takes_pixels_of_every_dtype_and_shape(as_array: Any, reader: mmdigit.DigitReader) -> None:
    grey = np.asarray(drawn_digit())
    expected, got = reader.predict(as_bytes(drawn_digit())), reader.predict(as_array(grey))
    assert got.label == expected.label == 7
    assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_reader_takes_a_mask_and_a_large_photo(reader: mmdigit.DigitReader) -> None:
    assert reader.predict(np.asarray(drawn_digit()) < 128).label == 7
    noise = np.random.default_rng(1).integers(0, 20, (1500, 1500, 3))
    photo = (np.asarray(drawn_digit(1500, 180).convert("RGB")) * 0.9 + noise).astype(np.uint8)
    assert len(as_bytes(Image.fromarray(photo))) > MAX_IMAGE_BYTES
    assert reader.predict(photo).label == 7


def test_reader_takes_mnist_pixels_as_raw_bytes(reader: mmdigit.DigitReader) -> None:
    assert reader.predict(mnist_like()) == reader.predict(mnist_like().tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
@pytest.mark.parametrize("channels", [1, 2])
def test_reader_takes_samples_of_every_dtype(dtype: type, channels: int, reader: mmdigit.DigitReader) -> None:
    samples, rate_hz = soundfile.read(CLIP, dtype=np.dtype(dtype).name)
    samples = np.column_stack([samples] * channels)
    before = samples.copy()
    got, expected = reader.predict(audio=samples, sample_rate_hz=rate_hz), reader.predict(audio=CLIP)
    assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-3)
    assert np.array_equal(samples, before), "the caller's own array"


def test_reader_assumes_the_rate_of_the_model(reader: mmdigit.DigitReader) -> None:
    samples = tone(rate_hz=8000)
    assert reader.predict(audio=samples.astype(np.float32)).probabilities == pytest.approx(
        reader.predict(audio=wav(samples, 8000, subtype="FLOAT")).probabilities, abs=1e-6
    )


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(784), r"of shape \(height, width\), .* got \(784,\); pass one image"),
        (np.zeros((2, 28, 28)), r"got \(2, 28, 28\); pass one image, its channels last"),
        (np.zeros((28, 28), complex), "got complex128; convert"),
        (np.full((28, 28), "7"), "got <U1; convert"),
        (np.full((28, 28), None), "got object; convert"),
        (np.full((28, 28), np.nan), "expected finite levels"),
        (np.full((28, 28), 1e300), "expected finite levels"),
        (np.zeros((0, 0), np.uint8), "at least 8x8 pixels, got 0x0"),
        (np.zeros((4, 28), np.uint8), "at least 8x8 pixels, got 28x4"),
        (np.broadcast_to(np.uint8(0), (100_000, 100_000)), "expected at most"),
    ],
)
def test_reader_refuses_invalid_pixels(pixels: NDArray[Any], message: str, reader: mmdigit.DigitReader) -> None:
    with pytest.raises(InvalidImage, match=message):
        reader.predict(pixels)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros((8000, 3)), 8000, r"of shape \(n_samples,\), .* got \(8000, 3\); pass one clip"),
        (np.zeros((2, 8000)), 8000, r"got \(2, 8000\); pass one clip, its channels last"),
        (np.zeros((8000, 0)), 8000, "got"),
        (np.zeros(()), 8000, r"got \(\);"),
        (np.zeros(8000, np.int64), 8000, "int16 or int32, got int64; convert"),
        (np.zeros(8000, complex), 8000, "got complex128"),
        (np.full(8000, np.nan), 8000, "expected finite samples"),
        (np.zeros(8000), 8000, "expected speech with a peak of .* got silence"),
        (np.zeros(8000), 4000, "got 4000 Hz"),
        (np.zeros(0), 8000, "at least 0.05 s"),
        (np.broadcast_to(np.float32(0), (10**12,)), 8000, "at most 10 s"),
    ],
)
def test_reader_refuses_invalid_samples(
    samples: NDArray[Any], rate_hz: int, message: str, reader: mmdigit.DigitReader
) -> None:
    with pytest.raises(InvalidAudio, match=message):
        reader.predict(audio=samples, sample_rate_hz=rate_hz)
