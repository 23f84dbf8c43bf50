"""The page decodes images as the worker does: the same 28x28 and the same reasons for review."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.limits import MAX_SIDE
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.pixels import WORKING_SIDE, Grey
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
FLIPS = 0.02
"""The share of images that may differ by more, because float rounding moves a pixel across a threshold: in 3,000
rendered photographs, five did, four of them by less than 0.003, and no answer changed."""
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
    assert (found > TOLERANCE).mean() <= FLIPS


def test_odd_images_give_the_same_digit(page: ModulePage) -> None:
    assert differences(page, odd_images()).max() <= TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_photographs_give_the_same_digit(page: ModulePage, kind: str) -> None:
    found = differences(page, photographs(40, kind))
    assert (found > TOLERANCE).mean() <= FLIPS


def test_photo_is_reduced_before_it_is_read(page: ModulePage) -> None:
    photo = as_bytes(drawn_digit(2000, 150).crop((0, 0, 2000, 1500)), "JPEG")
    [grey] = page.call("decoding/pixels.js", "greyOf", [(photo,)])
    assert grey.shape == (192, WORKING_SIDE)


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
            ModelInput.of(Digit(result["image"].reshape(28, 28), digit.reasons, result["photographed"]), None),
        ]
        here, there = predictor.predict(inputs)
        assert (here.label, here.decision) == (there.label, there.decision), path


def deep_png(channels: int, bits: int, size: tuple[int, int]) -> bytes:
    """A drawn seven that uses the lowest of 16 bits, in as many channels, the last transparent if even."""
    dark = np.asarray(colourful(*size, "L" if channels < 3 else "RGB"), np.float64).reshape(size[1], size[0], -1) / 255
    levels = np.round(dark * (2**bits - 1)).astype(">u2")
    if channels % 2 == 0:
        levels = np.concatenate([levels, np.full_like(levels[..., :1], 56_000)], axis=2)
    header = struct.pack(">IIBBBBB", *size, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = np.frombuffer(levels.tobytes(), np.uint8).reshape(size[1], -1)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(filtered(rows, 2 * channels))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def filtered(rows: NDArray[np.uint8], step: int) -> bytes:
    """Rows of a PNG's pixels, each by another of the five filters. step: bytes of a pixel."""
    left, above, both = np.zeros((3, *rows.shape), np.int64)
    left[:, step:], above[1:], both[1:, step:] = rows[:, :-step], rows[:-1], rows[:-1, :-step]
    near = np.stack([left, above, both])
    paeth = np.take_along_axis(near, np.abs(left + above - both - near).argmin(axis=0)[None], axis=0)[0]
    minus = (0 * left, left, above, (left + above) // 2, paeth)
    return b"".join(
        bytes([row % 5]) + ((rows[row] - minus[row % 5][row]) % 256).astype(np.uint8).tobytes()
        for row in range(len(rows))
    )


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
    for result in page.call("decoding/pixels.js", "greyOf", calls):
        assert not isinstance(result, dict) or result["code"] in ("unreadable", "too_large")
