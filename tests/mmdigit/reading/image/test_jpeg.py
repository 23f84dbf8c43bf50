"""JPEG files: complete ones are read; those with missing pixels or of other kinds are refused."""

import numpy as np
import pytest
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit
from tests.mmdigit.reading.image.sevens import is_like


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_without_its_end_marker_is_read(mode: str, progressive: bool) -> None:
    data = as_bytes(drawn_digit().convert(mode), "JPEG", progressive=progressive)
    np.testing.assert_array_equal(decode_image(data[:-2]), decode_image(data))
    np.testing.assert_array_equal(decode_image(data[:-1]), decode_image(data))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [12, 40, 300, 700])
def test_jpeg_without_some_of_its_pixels_is_refused(progressive: bool, missing: int) -> None:
    noise = np.random.default_rng(0).integers(0, 99, (64, 64)).astype(np.uint8)
    data = as_bytes(Image.fromarray(noise), "JPEG", progressive=progressive)
    with pytest.raises(InvalidImage, match="without its end"):
        decode_image(data[:-missing])


def test_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    data = as_bytes(drawn_digit(), "JPEG", progressive=True)
    with pytest.raises(InvalidImage, match="without its end"):
        decode_image(data[: data.rindex(b"\xff\xda")])


def test_jpeg_of_several_images_is_read_as_the_first() -> None:
    both = as_bytes(drawn_digit(), "MPO", save_all=True, append_images=[drawn_digit(40, 9, 255, 0)])
    assert is_like(both)


@pytest.mark.parametrize("process", [b"\xff\xc3", b"\xff\xc9", b"\xff\xcb"])
def test_jpeg_of_another_process_is_refused(process: bytes) -> None:
    data = as_bytes(drawn_digit(), "JPEG").replace(b"\xff\xc0", process, 1)
    with pytest.raises(InvalidImage, match="expected a baseline or progressive JPEG of 8 bits, got another kind"):
        decode_image(data)


def test_decode_image_applies_the_orientation_of_a_jpeg() -> None:
    upright = drawn_digit(300, 30)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    turned = as_bytes(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    np.testing.assert_allclose(decode_image(turned), decode_image(as_bytes(upright)), atol=0.2)


def test_decode_image_refuses_a_jpeg_of_endless_scans() -> None:
    data = as_bytes(drawn_digit(), "JPEG")
    with pytest.raises(InvalidImage, match="scans"):
        decode_image(data[:-2] + b"\xff\xda\x00\x02" * 200 + data[-2:])
