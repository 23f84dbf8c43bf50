"""mmdigit.load() reads one digit from files, bytes or arrays, with the same answers and errors."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

import mmdigit
from schemas.errors import DataError, InvalidAudio, InvalidImage, WeightsError
from schemas.prediction import Answer

ROOT = Path(__file__).parents[3]
IMAGE, CLIP = (ROOT / "samples" / "pack" / name for name in ("images/7_00.png", "audio/7_00.wav"))
HEAVY = ("numpy", "cv2", "onnxruntime", "PIL", "pydantic", "soundfile")


@pytest.fixture(scope="module")
def reader() -> mmdigit.DigitReader:
    return mmdigit.load()


def test_import_mmdigit_loads_no_library() -> None:
    program = f"import mmdigit, sys; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"


def test_dir_lists_public_names_before_they_are_loaded() -> None:
    program = "import mmdigit; print(set(mmdigit.__all__) <= set(dir(mmdigit)))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout == "True\n"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mmdigit' has no attribute 'lod'"):
        mmdigit.lod  # type: ignore[attr-defined]  # noqa: B018


def test_documented_example_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "use" / "python.md").read_text()
    first = page.index("```python\n")
    assert first < 100
    example = page[first:].split("```")[1].removeprefix("python\n")
    monkeypatch.chdir(ROOT)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(example, {})  # noqa: S102
    assert re.findall(r"  # (.*)", example) == said.getvalue().splitlines()


def test_reader_answers_the_same_for_paths_bytes_and_arrays(reader: mmdigit.DigitReader) -> None:
    expected = reader.predict(image=IMAGE, audio=CLIP)
    assert isinstance(expected, Answer)
    assert (expected.label, expected.decision) == (7, "accept")
    pixels, (samples, rate_hz) = np.asarray(Image.open(IMAGE)), soundfile.read(CLIP)
    assert reader.predict(str(IMAGE), str(CLIP)) == expected
    assert reader.predict(IMAGE.read_bytes(), CLIP.read_bytes()) == expected
    assert reader.predict(pixels, samples, sample_rate_hz=rate_hz) == expected


def test_reader_needs_only_one_modality(reader: mmdigit.DigitReader) -> None:
    image, clip = reader.predict(IMAGE), reader.predict(audio=CLIP)
    assert (image.label, image.audio, clip.label, clip.image) == (7, None, 7, None)
    with pytest.raises(ValueError, match="an image, audio or both"):
        reader.predict()


def test_reader_errors_match_those_of_jobs_and_files(reader: mmdigit.DigitReader, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage):
        reader.predict(b"no image")
    with pytest.raises(InvalidAudio):
        reader.predict(audio=b"no clip")
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


def test_load_takes_the_path_of_another_model(tmp_path: Path) -> None:
    shipped = ROOT / "mmdigit" / "reading" / "weights" / "mmdigit.onnx"
    strict = mmdigit.load(str(shipped), threads=2, target_error=0.001)
    assert strict.predict(IMAGE).model_version == strict.predictor.model_version
    assert strict.predictor.target_error == 0.001
    with pytest.raises(WeightsError):
        mmdigit.load(tmp_path / "none.onnx")
