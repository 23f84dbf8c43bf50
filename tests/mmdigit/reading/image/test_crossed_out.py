"""Crossed-out digits go to review; barred sevens and slashed zeros do not."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmdigit.reading.image.crossed_out import MAX_BYTES, SHA256, WEIGHTS, CrossedOutDetector
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from schemas.errors import WeightsError
from tests.mmdigit.clips import as_bytes

CASES = Path(__file__).parents[3] / "cases" / "crossed-out"
SIDE = 120


def drawn(name: str, *lines: tuple[int, int, int, int], width: int = 4) -> bytes:
    """A seven or a zero with lines over it."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    if name == "seven":
        draw.line([(36, 25), (82, 25), (55, 98)], fill=0, width=8, joint="curve")
    else:
        draw.ellipse((38, 20, 84, 100), outline=0, width=8)
    for line in lines:
        draw.line(line, fill=0, width=width)
    return as_bytes(image)


def reasons(predictor: Predictor, image: bytes) -> tuple[str, ...]:
    (answer,) = predictor.predict([decode_input(image, None)])
    return answer.reasons


@pytest.mark.parametrize("name", ["3_line", "4_slash", "5_slash", "7_line"])
def test_crossed_out_digits_go_to_review(name: str, predictor: Predictor) -> None:
    assert "struck_out" in reasons(predictor, (CASES / f"{name}.png").read_bytes())


@pytest.mark.parametrize(
    "lines",
    [
        [(15, 62, 105, 55)],
        [(18, 100, 100, 18)],
        [(15, 55, 105, 52), (15, 72, 105, 69)],
        [(22, 20, 98, 100), (98, 20, 22, 100)],
    ],
)
def test_every_usual_strike_through_goes_to_review(
    lines: list[tuple[int, int, int, int]], predictor: Predictor
) -> None:
    assert "struck_out" in reasons(predictor, drawn("seven", *lines))


def test_bars_slashes_and_underlines_do_not_cross_out(predictor: Predictor) -> None:
    barred, slashed = drawn("seven", (50, 60, 82, 58), width=7), drawn("zero", (44, 90, 78, 30), width=6)
    underlined = drawn("seven", (25, 108, 95, 108))
    for image in (drawn("seven"), drawn("zero"), barred, slashed, underlined):
        assert "struck_out" not in reasons(predictor, image)


def test_logits_do_not_depend_on_the_batch() -> None:
    random = np.random.default_rng(5)
    images = random.random((5, 28, 28), np.float32)
    batched = CrossedOutDetector.load().logits(images)
    alone = [float(CrossedOutDetector.load().logits(image[None])[0]) for image in images]
    np.testing.assert_allclose(batched, alone, atol=1e-4)


def test_unreadable_weights_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected weights at .*No such file"):
        CrossedOutDetector.load(tmp_path / "none.npz")
    with pytest.raises(WeightsError, match=r"it is a folder, not a regular file"):
        CrossedOutDetector.load(tmp_path)
    (tmp_path / "large.npz").write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(WeightsError, match=f"larger than {MAX_BYTES} bytes"):
        CrossedOutDetector.load(tmp_path / "large.npz")


@pytest.mark.parametrize("offset", [0, 1000, -1])
def test_altered_weights_are_refused(tmp_path: Path, offset: int) -> None:
    content = bytearray(WEIGHTS.read_bytes())
    content[offset] ^= 1
    (tmp_path / "altered.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=f"with SHA-256 {SHA256}, got "):
        CrossedOutDetector.load(tmp_path / "altered.npz")


def packed(**arrays: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def bare() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got EOFError"),
        (b"no archive", "got ValueError"),
        (b"PK\x03\x04 cut off", "got BadZipFile"),
        (bare(), "got TypeError"),
        (packed(first=np.array([{}])), "got ValueError"),
        (packed(other=np.zeros(2)), "first of shape .*got none"),
        (packed(first=np.zeros(2)), r"first of shape \(25, \d+\), got \(2,\)"),
    ],
)
def test_pinned_weights_with_other_content_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        CrossedOutDetector.load(path, hashlib.sha256(content).hexdigest())
