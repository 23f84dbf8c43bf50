"""Ink of any colour on paper of any other colour is read, by luma where that is good enough."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmdigit.datasets.idx import read_mnist
from mmdigit.reading.image.colour import to_grey
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.clips import as_bytes, drawn_digit

LUMA = np.array([0.299, 0.587, 0.114])
Colour = tuple[float, float, float]


def coloured(share: NDArray[np.float64], ink: Colour, paper: Colour, random: np.random.Generator) -> Image.Image:
    """share: (height, width), 1 = ink; lit unevenly, with grain."""
    light = 1 - random.uniform(0, 0.3) * np.linspace(0, 1, share.shape[1])[None, :, None]
    pixels = (paper + (np.array(ink) - paper) * share[..., None]) * light + random.normal(0, 3, (*share.shape, 3))
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


DRAWN = 1 - np.asarray(drawn_digit(), np.float64) / 255
PLAIN = decode_image(as_bytes(drawn_digit()))
EQUAL = [
    ((220, 40, 40), (60, 100, 200)),
    ((40, 170, 60), (235, 80, 20)),
    ((250, 150, 180), (160, 190, 230)),
    ((0, 150, 0), (220, 30, 220)),
    ((150, 120, 30), (60, 140, 200)),
]


@pytest.mark.parametrize(("ink", "paper"), [*EQUAL, *((paper, ink) for ink, paper in EQUAL)])
@pytest.mark.parametrize(
    "save",
    [
        as_bytes,
        lambda image: as_bytes(image, "JPEG", quality=60, subsampling=2),
        lambda image: as_bytes(image.convert("P", palette=Image.Palette.ADAPTIVE)),
        lambda image: as_bytes(image.convert("CMYK"), "JPEG"),
        lambda image: as_bytes(image.convert("RGBA")),
        lambda image: as_bytes(image, "TIFF"),
        lambda image: as_bytes(image, "WEBP"),
    ],
    ids=["PNG", "JPEG", "palette", "CMYK", "RGBA", "TIFF", "WebP"],
)
def test_ink_as_bright_as_its_paper_is_read(ink: Colour, paper: Colour, save: Callable[[Image.Image], bytes]) -> None:
    data = save(coloured(DRAWN, ink, paper, np.random.default_rng(0)))
    assert np.abs(decode_image(data) - PLAIN).mean() < 0.06


@pytest.mark.parametrize("ink", [(220, 40, 40), (128, 128, 128), (0, 0, 0), (255, 255, 255), (250, 240, 90)])
def test_coloured_ink_on_transparent_paper_is_read(ink: Colour) -> None:
    bands = [Image.new("L", (100, 100), int(level)) for level in ink]
    image = Image.merge("RGBA", [*bands, Image.fromarray(np.round(DRAWN * 255).astype(np.uint8))])
    assert np.abs(decode_image(as_bytes(image)) - PLAIN).mean() < 0.03


@pytest.mark.parametrize("lines", [(217, 51, 64), (240, 170, 170), (90, 140, 220)])
@pytest.mark.parametrize("ink", [(20, 20, 25), (30, 45, 150), (110, 110, 115)])
def test_ink_on_ruled_paper_is_read_by_luma(ink: Colour, lines: Colour) -> None:
    sheet = np.full((100, 100, 3), 250.0)
    sheet[10::40, :] = sheet[11::40, :] = lines
    pixels = sheet + (np.array(ink) - sheet) * DRAWN[..., None]
    data = as_bytes(Image.fromarray(np.round(pixels).astype(np.uint8)), "JPEG", quality=75)
    grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    np.testing.assert_array_equal(decode_image(data), decode_image(as_bytes(Image.fromarray(grey))))


@pytest.mark.parametrize("paper", [(240, 230, 200), (60, 90, 160), (200, 60, 60), (128, 128, 128)])
def test_blank_paper_with_noise_is_read_by_luma(paper: Colour) -> None:
    blank = coloured(np.zeros((120, 120)), paper, paper, np.random.default_rng(1))
    pixels = np.asarray(Image.open(io.BytesIO(as_bytes(blank, "JPEG", quality=60))))
    luma = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    assert np.abs(to_grey(pixels) - luma).max() < 0.01


@pytest.mark.data
def test_digits_in_colours_of_equal_luma_are_read(data_dir: Path) -> None:
    """MNIST training digits 45,000-45,149; of those of equal luma 21 in 100 were read by luma alone."""
    images, labels = (values[45_000:45_150] for values in read_mnist(data_dir, "train"))
    right = {}
    for equal in (True, False):
        random = np.random.default_rng(2)
        samples = []
        for image in images:
            ink, paper = random.integers(0, 256, (2, 3))
            while (abs(LUMA @ (ink - paper)) < 10) != equal or np.abs(ink - paper).max() < 100:
                ink, paper = random.integers(0, 256, (2, 3))
            large = Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC)
            shown = coloured(np.asarray(large, np.float64) / 255, tuple(ink), tuple(paper), random)
            data = as_bytes(shown, "JPEG", quality=int(random.integers(60, 91)), subsampling=2)
            samples.append(ModelInput(decode_image(data), None))
        answers = Predictor.load().predict(samples)
        right[equal] = sum(answer.label == label for answer, label in zip(answers, labels, strict=True))
    assert right[True] >= 135
    assert right[False] >= 135
