"""mmdigit.load(): one digit from files, bytes or arrays, with the same answer and the same errors."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

import mmdigit
from schemas.errors import DataError, InvalidAudio, InvalidImage, WeightsError
from schemas.job import MAX_IMAGE_BYTES
from schemas.prediction import Answer
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, tone, wav

ROOT = Path(__file__).parents[3]
PICTURE, CLIP = (ROOT / "samples" / "pack" / name for name in ("images/7_00.png", "audio/7_00.wav"))
HEAVY = ("numpy", "cv2", "onnxruntime", "PIL", "pydantic", "soundfile")


@pytest.fixture(scope="module")
def reader() -> mmdigit.DigitReader:
    return mmdigit.load()


def test_importing_the_package_loads_no_library() -> None:
    program = f"import mmdigit, sys; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"


def test_the_public_names_are_listed_before_they_are_loaded() -> None:
    program = "import mmdigit; print(set(mmdigit.__all__) <= set(dir(mmdigit)))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout == "True\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mmdigit' has no attribute 'lod'"):
        mmdigit.lod  # type: ignore[attr-defined]  # noqa: B018


def test_the_example_of_the_documentation_says_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "use" / "api.md").read_text()
    first = page.index("```python\n")
    assert first < 100
    example = page[first:].split("```")[1].removeprefix("python\n")
    monkeypatch.chdir(ROOT)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(example, {})  # noqa: S102
    assert re.findall(r"  # (.*)", example) == said.getvalue().splitlines()


def test_files_bytes_and_arrays_have_the_same_answer(reader: mmdigit.DigitReader) -> None:
    expected = reader.predict(image=PICTURE, audio=CLIP)
    assert isinstance(expected, Answer)
    assert (expected.label, expected.decision) == (7, "accept")
    pixels, (samples, rate_hz) = np.asarray(Image.open(PICTURE)), soundfile.read(CLIP)
    assert reader.predict(str(PICTURE), str(CLIP)) == expected
    assert reader.predict(PICTURE.read_bytes(), CLIP.read_bytes()) == expected
    assert reader.predict(pixels, samples, sample_rate_hz=rate_hz) == expected


def test_one_of_the_two_is_enough(reader: mmdigit.DigitReader) -> None:
    picture, clip = reader.predict(PICTURE), reader.predict(audio=CLIP)
    assert (picture.label, picture.audio, clip.label, clip.image) == (7, None, 7, None)
    with pytest.raises(ValueError, match="an image, audio or both"):
        reader.predict()


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
def test_pixels_of_every_kind_have_the_answer_of_their_file(as_array: Any, reader: mmdigit.DigitReader) -> None:
    grey = np.asarray(drawn_digit())
    expected, got = reader.predict(as_bytes(drawn_digit())), reader.predict(as_array(grey))
    assert got.label == expected.label == 7
    assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_a_mask_and_a_large_photo_are_read(reader: mmdigit.DigitReader) -> None:
    assert reader.predict(np.asarray(drawn_digit()) < 128).label == 7
    noise = np.random.default_rng(1).integers(0, 20, (1500, 1500, 3))
    photo = (np.asarray(drawn_digit(1500, 180).convert("RGB")) * 0.9 + noise).astype(np.uint8)
    assert len(as_bytes(Image.fromarray(photo))) > MAX_IMAGE_BYTES
    assert reader.predict(photo).label == 7


def test_a_picture_like_mnist_passes_unchanged(reader: mmdigit.DigitReader) -> None:
    assert reader.predict(mnist_like()) == reader.predict(mnist_like().tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_of_every_kind_have_the_answer_of_their_file(
    dtype: type, channels: int, reader: mmdigit.DigitReader
) -> None:
    samples, rate_hz = soundfile.read(CLIP, dtype=np.dtype(dtype).name)
    samples = np.column_stack([samples] * channels)
    before = samples.copy()
    got, expected = reader.predict(audio=samples, sample_rate_hz=rate_hz), reader.predict(audio=CLIP)
    assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-3)
    assert np.array_equal(samples, before), "the caller's own array"


def test_samples_without_a_rate_have_the_model_s(reader: mmdigit.DigitReader) -> None:
    samples = tone(rate_hz=8000)
    assert reader.predict(audio=samples.astype(np.float32)).probabilities == pytest.approx(
        reader.predict(audio=wav(samples, 8000, subtype="FLOAT")).probabilities, abs=1e-6
    )


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(784), r"of shape \(height, width\), .* got \(784,\); pass one picture"),
        (np.zeros((2, 28, 28)), r"got \(2, 28, 28\); pass one picture, its channels last"),
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
def test_pixels_that_are_no_picture_are_refused(
    pixels: NDArray[Any], message: str, reader: mmdigit.DigitReader
) -> None:
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
        (np.zeros(8000), 8000, "expected speech, got silence"),
        (np.zeros(8000), 4000, "got 4000 Hz"),
        (np.zeros(0), 8000, "at least 0.05 s"),
        (np.broadcast_to(np.float32(0), (10**12,)), 8000, "at most 10 s"),
    ],
)
def test_samples_that_are_no_clip_are_refused(
    samples: NDArray[Any], rate_hz: int, message: str, reader: mmdigit.DigitReader
) -> None:
    with pytest.raises(InvalidAudio, match=message):
        reader.predict(audio=samples, sample_rate_hz=rate_hz)


def test_errors_are_those_of_jobs_and_files(reader: mmdigit.DigitReader, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage):
        reader.predict(b"no picture")
    with pytest.raises(InvalidAudio):
        reader.predict(audio=b"no sound")
    for missing in (tmp_path / "none.png", tmp_path, "a\0b.png", ""):
        with pytest.raises(DataError, match="expected a file"):
            reader.predict(missing)
    with pytest.raises(DataError, match="expected a file"):
        reader.predict(audio=tmp_path / "none.wav")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(InvalidImage, match="at most"):
        reader.predict(tmp_path / "large.png")
    with pytest.raises(TypeError, match="expected image as bytes, a path or a numpy array, got list"):
        reader.predict([[0, 1]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected audio as bytes"):
        reader.predict(audio=7)  # type: ignore[arg-type]


def test_another_model_is_loaded_by_its_path(tmp_path: Path) -> None:
    shipped = ROOT / "mmdigit" / "reading" / "weights" / "mmdigit.onnx"
    strict = mmdigit.load(str(shipped), threads=2, target_error=0.001)
    assert strict.predict(PICTURE).model_version == strict.predictor.model_version
    assert strict.predictor.target_error == 0.001
    with pytest.raises(WeightsError):
        mmdigit.load(tmp_path / "none.onnx")
