"""Files of every mode and size, with trailing data or orientation, decode to the same digit."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.decode import read_photo
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit, png_header
from tests.mmdigit.reading.image.sevens import is_like

CASES = Path(__file__).parents[3] / "cases"
FOURS = [
    *sorted((CASES / "same-luma").glob("*.png")),
    *sorted((CASES / "low-16bit").glob("*.png")),
    *sorted((CASES / "mpo").glob("*.jpg")),
    *(CASES / "other-formats" / name for name in ("bad_crc_in_text_chunk.png", "no_end_marker.jpg", "scan_g4.tif")),
]


@pytest.mark.parametrize("path", FOURS, ids=lambda path: path.name)
def test_decode_image_reads_fours_that_users_sent(path: Path) -> None:
    (answer,) = Predictor.load().predict([ModelInput(decode_image(path.read_bytes()), None)])
    assert answer.label == 4


def colours(ink: tuple[int, int, int], paper: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The drawn digit, (height, width, 3)."""
    share = np.asarray(drawn_digit(), np.float64)[..., None] / 255
    return np.asarray(np.round(share * paper + (1 - share) * ink), np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_decode_image_ignores_data_after_the_image(kind: str) -> None:
    data = as_bytes(drawn_digit().convert("RGB"), kind)
    trailers = (b"\0\0SEFT", b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 200, as_bytes(drawn_digit(ink=90), "JPEG"), bytes(9))
    for trailer in trailers:
        np.testing.assert_array_equal(decode_image(data + trailer), decode_image(data))


def test_orientation_is_applied_in_every_format() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        turned = drawn_digit().transpose(Image.Transpose.ROTATE_90).convert("RGB")
        assert is_like(as_bytes(turned, kind, exif=exif)), kind


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("side", [100, 1100])
def test_decode_image_reads_every_mode_at_every_size(mode: str, side: int) -> None:
    digit = drawn_digit(side, side // 8)
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    assert is_like(as_bytes(digit.convert(mode), kind), digit=digit)


@pytest.mark.parametrize(("width", "height"), [(8, 1_562_500), (1_562_500, 8), (16_385, 8), (191, 65_443)])
def test_image_of_extreme_shape_is_refused(width: int, height: int) -> None:
    with pytest.raises(InvalidImage, match="sides of at most 16384 pixels"):
        decode_image(png_header(width, height))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("side", [300, 700, 5000])
def test_a_photo_is_scaled_down_to_the_side_that_is_asked_for(kind: str, side: int) -> None:
    data = as_bytes(drawn_digit(1200).resize((1200, 600)).convert("RGB"), kind)
    photo = read_photo(data, side, len(data))
    assert photo.size == (1200, 600)
    assert photo.grey.shape == (min(side, 1200) // 2, min(side, 1200))
    assert photo.grey.min() < 0.1
    assert photo.grey.max() > 0.9


def test_the_size_of_a_photo_is_as_it_is_seen() -> None:
    image = drawn_digit(1200).resize((1200, 600))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = as_bytes(image, "JPEG", exif=exif)
    photo = read_photo(data, 300, len(data))
    assert photo.size == (600, 1200)
    assert photo.grey.shape == (300, 150)


def test_a_photo_over_its_limit_is_refused() -> None:
    data = as_bytes(drawn_digit())
    with pytest.raises(InvalidImage, match=f"expected at most {len(data) - 1} bytes of image"):
        read_photo(data, 300, len(data) - 1)
    with pytest.raises(InvalidImage, match="expected a PNG, JPEG, TIFF or WebP file, got"):
        read_photo(bytes(784), 300, 1000)
