"""Decodes image bytes to grey pixels, within limits and scaled down.

Reads PNG, JPEG, TIFF and WebP files of any size, and exactly 784 raw bytes (28x28, uint8, bright ink).
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.files.formats import describe_unexpected, format_of
from mmdigit.reading.image.colour import to_grey
from mmdigit.reading.image.depth import scale_levels, to_8_bits
from mmdigit.reading.image.jpeg import open_jpeg
from mmdigit.reading.image.opened_image import OpenedImage
from mmdigit.reading.image.pixels import WORKING_SIDE, Grey, working_size
from mmdigit.reading.image.png import open_png, read_plain_png
from mmdigit.reading.image.tiff import open_tiff
from mmdigit.reading.image.webp import open_webp
from schemas.errors import InvalidImage
from schemas.job import MAX_IMAGE_BYTES
from schemas.printable import printable

IMAGE_SIDE = 28  # pixels
RAW_BYTES = IMAGE_SIDE * IMAGE_SIDE  # 784
OPEN: dict[str, Callable[[bytes, int], OpenedImage]] = {
    "PNG": lambda data, _: open_png(data),
    "JPEG": open_jpeg,
    "TIFF": lambda data, _: open_tiff(data),
    "WebP": open_webp,
}
"""By format: what opens a file, told the longest side that is needed."""
MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF")  # a file of 784 bytes is not raw
TRANSPARENT, COLOURED = ("RGBA", "LA", "PA", "RGBa", "La"), ("P", "RGB", "CMYK", "YCbCr")
EXPECTED = f"expected a PNG, JPEG, TIFF or WebP file or {RAW_BYTES} raw bytes"
BAND_PIXELS = 1_000_000  # a large image is converted in bands of this size, which avoids a second full copy
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


class Photo(NamedTuple):
    """grey: (height, width), range [0, 1], maybe scaled down. size: width and height of the file, in pixels, as the
    image is seen: turned as its EXIF data say."""

    grey: Grey
    size: tuple[int, int]


def read_photo(data: bytes, side: int, max_bytes: int) -> Photo:
    """Decode a photo or scan, scaled down to a longest side of `side` if larger.

    data: a PNG, JPEG, TIFF or WebP file of up to max_bytes and MAX_PIXELS.
    Raises InvalidImage, and nothing else, whatever the bytes are.
    """
    if len(data) > max_bytes:
        raise InvalidImage(f"expected at most {max_bytes} bytes of image, got {len(data)}; send a smaller photo")
    return _decode_file(data, side, "expected a PNG, JPEG, TIFF or WebP file")


def read_image(data: bytes) -> tuple[Grey, bool | None]:
    """Decode an image. Returns its pixels, (height, width), range [0, 1], scaled down to WORKING_SIDE if larger; and
    whether its ink is bright, None = unknown.

    data: a file of up to MAX_IMAGE_BYTES and MAX_PIXELS, or RAW_BYTES raw bytes.
    Raises InvalidImage, and nothing else, whatever the bytes are.
    """
    if len(data) == RAW_BYTES and not data.startswith(MAGICS):
        raw = np.frombuffer(data, np.uint8).reshape(IMAGE_SIDE, IMAGE_SIDE)
        return np.asarray(raw / 255, np.float32), True
    if len(data) > MAX_IMAGE_BYTES:
        raise InvalidImage(f"expected at most {MAX_IMAGE_BYTES} bytes of image, got {len(data)}; send a smaller crop")
    plain = read_plain_png(data)
    if plain is not None:
        return plain, None
    return _decode_file(data, WORKING_SIDE, EXPECTED).grey, None


def _decode_file(data: bytes, side: int, expected: str) -> Photo:
    """As read_photo. expected: the start of the message for another format."""
    kind = format_of(data)
    if kind is None or kind.name not in OPEN:
        raise InvalidImage(f"{expected}, {describe_unexpected(data, 'image')}")
    try:
        # Pillow documents no closed set of errors for broken files (OSError, SyntaxError, struct.error, ...).
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = OPEN[kind.name](data, side)
            width, height = opened.size or opened.image.size
            size = (height, width) if opened.orientation in SIDEWAYS else (width, height)
            return Photo(decode_opened(opened, side), size)
    except InvalidImage:
        raise
    except Exception as exc:
        raise InvalidImage(
            f"expected a whole {kind.name} file, got a damaged one "
            f"({type(exc).__name__}: {printable(str(exc), 100)}); send the file again"
        ) from exc


def decode_opened(opened: OpenedImage, side: int = WORKING_SIDE) -> Grey:
    """The pixels of an opened image, as read_image returns them. Raises what its decoder raises."""
    with opened.image as image:
        image.load()
        grey = _to_grey(image, opened, side)
    if opened.orientation not in TRANSPOSE:
        return grey
    return np.asarray(Image.fromarray(grey).transpose(TRANSPOSE[opened.orientation]), np.float32)


def _to_grey(image: Image.Image, opened: OpenedImage, side: int) -> Grey:
    """(height, width), range [0, 1], scaled down to that side. Raises InvalidImage for modes that no user sends."""
    if image.mode.startswith("I") or image.mode == "F":
        return scale_levels(np.asarray(_reduce(image, "F", side), np.float32))
    deep = opened.deep_pixels() if opened.deep_pixels is not None and _is_dark(image) else None
    if deep is not None:
        image = to_8_bits(deep, side)
    if image.mode in TRANSPARENT or "transparency" in image.info:
        return to_grey(_fill_transparent(np.asarray(_reduce(image, "RGBA", side), np.float32)))
    if image.mode in ("1", "L"):
        return np.asarray(_reduce(image, "L", side), np.float32) / np.float32(255)
    if image.mode in COLOURED:
        return to_grey(np.asarray(_reduce(image, "RGB", side)))
    raise InvalidImage(f"expected a grey, colour or palette image, got mode {image.mode}; save it as 8-bit PNG")


def _is_dark(image: Image.Image) -> bool:
    """Whether the upper half of the levels is unused, alpha aside."""
    ranges = image.getextrema()[: 1 if image.mode == "LA" else 3]
    return all(high < 128 for _, high in ranges)  # type: ignore[misc]  # a (low, high) pair for each channel


def _fill_transparent(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Put white behind dark ink, and black behind bright ink. pixels: (height, width, 4), range [0, 255].
    Returns (height, width, 3)."""
    colour, alpha = pixels[..., :3], pixels[..., 3:] / 255
    luma = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    ink_is_dark = float((luma * alpha[..., 0]).sum()) < 127.5 * float(alpha.sum())
    return np.round(colour * alpha + 255 * ink_is_dark * (1 - alpha)).astype(np.uint8)


def _reduce(image: Image.Image, mode: str, side: int) -> Image.Image:
    """Convert to the mode and scale down to that side by averaging."""
    width, height = image.size
    factor = max(width, height) // (2 * side)
    if factor > 1 and (image.mode != mode or mode == "RGBA"):  # otherwise Pillow would copy the whole image
        rows = factor * max(1, BAND_PIXELS // (factor * width))
        small = Image.new(mode, (-(-width // factor), -(-height // factor)))
        for top in range(0, height, rows):
            band = image.crop((0, top, width, min(top + rows, height)))
            small.paste(band.convert(mode).reduce(factor), (0, top // factor))
        image = small
    elif image.mode != mode:
        image = image.convert(mode)
    size = working_size(width, height, side)
    return image if size == image.size else image.resize(size, Image.Resampling.BOX)
