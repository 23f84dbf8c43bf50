"""The page decodes images as the worker does: the same 28x28 and the same reasons for review."""

import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.limits import MAX_SIDE
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.photographs import KINDS, photograph
from schemas.job import MAX_IMAGE_BYTES
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, png_header
from tests.mmdigit.reading.image.sevens import BOXES, with_lines
from tests.webapp.javascript import ModulePage, module_page

PACK = sorted(Path("samples/pack/images").iterdir())
CASES = [
    *sorted(Path("tests/cases").glob("*/*.png")),
    *sorted(Path("tests/cases/mpo").glob("*.jpg")),
    Path("tests/cases/folder-skips/d.webp"),
]
TOLERANCE = 1e-3
FLIPPED = 0.02
"""The most that one pixel of 28x28 changes where float rounding moves a pixel across a threshold: in 1,500 rendered
photographs, two changed by more than TOLERANCE, none by more than 0.003, and no answer did."""
FLIPS = 0.02  # the share of images that may change so
STEP = 1 / 255


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[ModulePage]:
    with module_page(browser) as opened:
        yield opened


def difference(result: dict[str, NDArray[np.float32]], digit: Digit) -> float:
    """The largest of any pixel. The reasons must be equal."""
    assert tuple(result["reasons"]) == digit.reasons
    return float(np.abs(result["image"].reshape(28, 28) - digit.image).max())


def differences(page: ModulePage, greys: Sequence[Grey]) -> NDArray[np.float64]:
    """Between readDigit and read_digit, for each image."""
    results = page.call("decoding/image.js", "readDigit", [(grey,) for grey in greys])
    return np.array([difference(result, read_digit(grey)) for result, grey in zip(results, greys, strict=True)])


def photographs(count: int, kind: str) -> list[Grey]:
    """Rendered from the handwriting of the sample pack."""
    drawn = [read_digit(*read_image(path.read_bytes())).image for path in PACK if path.suffix == ".png"]
    digits = np.round(np.stack(drawn) * 255).astype(np.uint8)
    random = np.random.default_rng(7)
    chosen = random.integers(len(digits), size=count)
    return [photograph(digits[row], digits, random, kind)[0] for row in chosen]


def canvas() -> Grey:
    """As the drawing pad makes it: dark strokes on white, 400x400."""
    return np.asarray(np.asarray(drawn_digit(400, 14)) / 255, np.float32)


def odd_images() -> list[Grey]:
    """Blank, of one pixel, of one row; a single dot."""
    random = np.random.default_rng(3)
    made: list[Grey] = [canvas()]
    for height, width in ((1, 1), (1, 30), (30, 1), (8, 8), (28, 28), (300, 400)):
        dot = np.ones((height, width), np.float32)
        dot[height // 2, width // 2] = 0
        ramp = np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)
        made += [np.zeros_like(dot), np.ones_like(dot), dot, 1 - dot, ramp, random.random(dot.shape, np.float32)]
    return made


def test_samples_give_the_same_digit(page: ModulePage) -> None:
    greys = [read_image(path.read_bytes())[0] for path in PACK + CASES]
    greys += [np.asarray(mnist_like(seed) / 255, np.float32) for seed in range(8)]
    greys += [with_lines(drawn_digit(120), lines) for lines in BOXES.values()]
    found = differences(page, greys)
    assert found.max() <= FLIPPED
    assert (found > TOLERANCE).mean() <= FLIPS


def test_odd_images_give_the_same_digit(page: ModulePage) -> None:
    assert differences(page, odd_images()).max() <= TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_photographs_give_the_same_digit(page: ModulePage, kind: str) -> None:
    found = differences(page, photographs(50, kind))
    assert found.max() <= FLIPPED
    assert (found > TOLERANCE).mean() <= FLIPS


def test_read_digit_is_quick(page: ModulePage) -> None:
    crop = photographs(1, "box")[0][:140, :140]
    photo = np.asarray(drawn_digit(2000, 150).crop((0, 0, 2000, 1500)), np.float32) / np.float32(255)
    times = [ms for _, ms in page.timed_calls("decoding/image.js", "readDigit", [(crop,)] * 8 + [(photo,)] * 3)]
    assert min(times[:8]) < 100  # milliseconds; 15 to 20 on an idle core, but other tests run beside
    assert min(times[8:]) < 200  # 20 to 30


def colourful(width: int, height: int, mode: str) -> Image.Image:
    """A seven, red on blue-grey, with soft edges; transparent paper if the mode has alpha."""
    share = np.asarray(drawn_digit(200, 18, ink=255, paper=0).resize((width, height), Image.Resampling.BICUBIC)) / 255
    paper = np.array([170, 180, 205]) - 40 * np.linspace(0, 1, width)[None, :, None]
    pixels = paper + (np.array([190, 30, 40]) - paper) * share[..., None]
    if mode in ("RGBA", "LA"):
        pixels = np.concatenate([np.broadcast_to([20, 30, 90], pixels.shape), 255 * share[..., None]], axis=2)
        return Image.fromarray(np.round(pixels).astype(np.uint8)).convert(mode)
    return Image.fromarray(np.round(pixels).astype(np.uint8)).convert(mode)


SIZES = ((60, 80), (300, 211), (1300, 1000))
FILES = {
    f"{kind} {mode} {size}": (as_bytes(colourful(*size, mode), kind, **options), tolerance)
    for size in SIZES
    for kind, modes, options, tolerance in (
        ("PNG", ("1", "L", "P", "RGB"), {}, STEP),
        ("PNG", ("RGBA", "LA"), {}, 2 * STEP),  # a canvas keeps colours multiplied by alpha
        ("WEBP", ("RGB",), {"lossless": True}, STEP),
        ("WEBP", ("RGB",), {}, STEP),
        ("JPEG", ("L", "RGB"), {"quality": 85}, STEP if max(size) < 1024 else 3 * STEP),  # libjpeg scales large ones
    )
    for mode in modes
}


@pytest.mark.parametrize("name", FILES)
def test_files_give_the_same_grey_and_digit(page: ModulePage, name: str) -> None:
    content, tolerance = FILES[name]
    expected, _ = read_image(content)
    (grey,) = page.call("decoding/pixels.js", "greyOf", [(content,)])
    np.testing.assert_allclose(grey, expected, rtol=0, atol=tolerance + 1e-6)
    (result,) = page.call("decoding/image.js", "readDigit", [(grey,)])
    assert difference(result, read_digit(expected)) <= 0.03


def test_sample_files_give_the_same_answer(page: ModulePage) -> None:
    paths = PACK[::3] + CASES
    greys = page.call("decoding/pixels.js", "greyOf", [(path.read_bytes(),) for path in paths])
    results = page.call("decoding/image.js", "readDigit", [(grey,) for grey in greys])
    predictor = Predictor.load()
    for path, result in zip(paths, results, strict=True):
        digit = read_digit(*read_image(path.read_bytes()))
        assert difference(result, digit) <= 0.1, path
        inputs = [
            ModelInput.of(digit, None),
            ModelInput.of(Digit(result["image"].reshape(28, 28), digit.reasons), None),
        ]
        here, there = predictor.predict(inputs)
        assert (here.label, here.decision) == (there.label, there.decision), path


def deep_png(channels: int, bits: int, size: tuple[int, int]) -> bytes:
    """A drawn seven that uses the lowest of 16 bits, in as many channels: with transparent paper if even."""
    dark = np.asarray(colourful(*size, "L" if channels == 1 else "RGB"), np.float64) / 255
    levels = np.round(dark * (2**bits - 1)).astype(np.uint16)
    if channels == 2:
        levels = levels[..., :1]
    if channels % 2 == 0:
        levels = np.concatenate([levels, 65_535 - np.full_like(levels[..., :1], 9_000)], axis=2)
    if channels == 2:
        return grey_and_alpha_png(levels)
    order = {1: slice(None), 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]  # OpenCV writes blue first
    return cv2.imencode(".png", levels if channels == 1 else levels[..., order])[1].tobytes()


def grey_and_alpha_png(levels: NDArray[np.uint16]) -> bytes:
    """levels: (height, width, 2)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, 4, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(90, 70), (1100, 600)])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_deep_png_gives_the_same_grey(page: ModulePage, channels: int, bits: int, size: tuple[int, int]) -> None:
    content = deep_png(channels, bits, size)
    (grey,) = page.call("decoding/pixels.js", "greyOf", [(content,)])
    tolerance = 1e-5 if channels == 1 else STEP + 1e-6
    np.testing.assert_allclose(grey, read_image(content)[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_the_camera(page: ModulePage, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = as_bytes(drawn_digit(200, 20).resize((200, 150)), "JPEG", exif=exif.tobytes())
    (grey,) = page.call("decoding/pixels.js", "greyOf", [(content,)])
    np.testing.assert_allclose(grey, read_image(content)[0], rtol=0, atol=STEP + 1e-6)


ANIMATION = [drawn_digit(40), drawn_digit(40, 5)]
REFUSED = {
    "nothing": (b"", "unreadable"),
    "text": (b"not an image", "unreadable"),
    "start": (as_bytes(drawn_digit())[:20], "unreadable"),
    "half": (as_bytes(drawn_digit())[:200], "unreadable"),
    "webp-start": (as_bytes(drawn_digit(), "WEBP")[:21], "unreadable"),
    "jpeg-start": (as_bytes(drawn_digit(), "JPEG")[:30], "unreadable"),
    "small": (as_bytes(drawn_digit(7)), "unreadable"),
    "moving": (as_bytes(ANIMATION[0], save_all=True, append_images=ANIMATION[1:]), "unreadable"),
    "moving-webp": (as_bytes(ANIMATION[0], "WEBP", save_all=True, append_images=ANIMATION[1:]), "unreadable"),
    "gif": (as_bytes(drawn_digit(), "GIF"), "unreadable"),
    "bytes": (bytes(MAX_IMAGE_BYTES + 1), "too_large"),
    "pixels": (png_header(5000, 5000), "too_large"),
    "long": (png_header(MAX_SIDE + 1, 10), "too_large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_files_have_a_code(page: ModulePage, name: str) -> None:
    content, code = REFUSED[name]
    (result,) = page.call("decoding/pixels.js", "greyOf", [(content,)])
    assert result["code"] == code
    assert "expected" in result["message"]


def test_random_bytes_are_refused(page: ModulePage) -> None:
    random = np.random.default_rng(9)
    starts = [as_bytes(drawn_digit(40), kind) for kind in ("PNG", "JPEG", "WEBP")]
    calls = []
    for turn in range(90):
        content = bytearray(starts[turn % 3])
        for at in random.integers(len(content), size=4):
            content[at] = random.integers(256)
        calls.append((bytes(content[: int(random.integers(1, len(content) + 1))]),))
    started = time.monotonic()
    for result in page.call("decoding/pixels.js", "greyOf", calls):
        assert not isinstance(result, dict) or result["code"] in ("unreadable", "too_large")
    assert time.monotonic() - started < 60
