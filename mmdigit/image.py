"""Image bytes to the model's input: one digit, bright ink on black, centred in 28x28 like MNIST.

Accepts PNG and JPEG of any size and polarity, and exactly 784 raw bytes (28x28, uint8, bright ink).
Source of the layout: LeCun, Cortes and Burges, "The MNIST database": the digit's longest side is 20 pixels, aspect
kept, and its centre of mass lies in the middle of 28x28.
"""

import io
import math
import struct
import warnings
import zlib
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from mmdigit.ink import Grey, find_ink
from schemas.errors import InvalidImage
from schemas.job import MAX_IMAGE_BYTES
from schemas.prediction import Reason
from schemas.printable import printable

IMAGE_SIDE = 28  # pixels
DIGIT_SIDE = 20  # pixels, the longest side of the digit inside the picture
RAW_BYTES = IMAGE_SIDE * IMAGE_SIDE  # 784

MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # a file of 784 bytes is still a file
PNG_START, PNG_END = MAGIC[0] + b"\0\0\0\rIHDR", b"\0\0\0\0IEND\xaeB`\x82"
END_OF = {"PNG": PNG_END, "JPEG": b"\xff\xd9"}
PLAIN_PNG_BYTES = 8 + 25 + 12 + 12  # magic, header, and what is around the packed pixels and at the end
LAST_PNG_FILTER = 4
MAX_PIXELS = 12_500_000  # a 12-megapixel photo: 100 MB at most while it is decoded (tests/fuzz/test_limits.py)
MIN_SIDE = 8  # pixels; below this no digit can be told from another
MAX_JPEG_SCANS = 20  # a usual progressive JPEG has about 10; each costs one pass over all pixels
WORKING_SIDE = 256  # pixels; larger pictures are reduced to this before the ink is looked for
STROKE_SIDE = 60  # pixels; the digit's longest side while its stroke is measured: three times DIGIT_SIDE
MIN_STROKE = 1.6  # pixels of the final picture; thinner strokes fade away when reduced and are thickened first

PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024  # of unpacked text in one PNG; 64 MiB by default, and nobody reads it

ORIENTATION_TAG = 0x0112  # EXIF: how the camera was held
ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where Pillow looks for it
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Digit(NamedTuple):
    """image: (28, 28), range [0, 1], 1 = ink. found: why a person should look, as far as the whole picture tells."""

    image: Grey
    found: tuple[Reason, ...] = ()


def decode_image(data: bytes) -> Grey:
    """The digit in a picture, brought to what MNIST looks like.

    data: a PNG or JPEG file of up to MAX_IMAGE_BYTES and MAX_PIXELS, or RAW_BYTES raw bytes.
    Returns (28, 28), range [0, 1], 1 = ink. A blank picture gives all zeros; a 28x28 picture that already looks like
    MNIST is passed through unchanged.
    Raises InvalidImage, and nothing else, whatever the bytes are.
    """
    return normalise(*read_picture(data))


def read_picture(data: bytes) -> tuple[Grey, bool | None]:
    """The picture as it came, (height, width), range [0, 1], reduced if it is large; and whether its ink is bright,
    None = to be found out. data, and errors raised: as decode_image."""
    if len(data) == RAW_BYTES and not data.startswith(MAGIC):
        raw = np.frombuffer(data, np.uint8).reshape(IMAGE_SIDE, IMAGE_SIDE)
        return np.asarray(raw / 255, np.float32), True
    return _read_grey(data), None


def normalise(grey: Grey, bright_ink: bool | None = None) -> Grey:
    """Find the ink, scale its longest side to 20 pixels, put its centre of mass in the middle.

    grey: (height, width), range [0, 1]. bright_ink: None = find the polarity.
    Returns (28, 28), range [0, 1], 1 = ink.
    """
    return read_digit(grey, bright_ink).image


def read_digit(grey: Grey, bright_ink: bool | None = None) -> Digit:
    """What normalise gives, and what else the picture shows. Arguments as of normalise."""
    if bright_ink is not False and _looks_like_mnist(grey):
        return Digit(grey.astype(np.float32))
    ink, several = find_ink(grey, bright_ink)
    rows, columns = np.flatnonzero((ink > 0.3).any(axis=1)), np.flatnonzero((ink > 0.3).any(axis=0))
    if rows.size == 0:
        return Digit(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(digit.shape) > STROKE_SIDE:
        digit = _stretch(_resize(digit, STROKE_SIDE))
    digit = _thicken(digit)
    return Digit(_stretch(_centre(digit)), ("several_digits",) if several else ())


def _read_grey(data: bytes) -> Grey:
    """The picture as (height, width), range [0, 1], reduced to WORKING_SIDE if it is larger."""
    if len(data) > MAX_IMAGE_BYTES:
        raise InvalidImage(f"expected at most {MAX_IMAGE_BYTES} bytes of image, {len(data)} came; send a smaller crop")
    plain = _plain_png(data)
    if plain is not None:
        return plain
    try:
        # Pillow documents no closed set of errors for broken files (OSError, SyntaxError, struct.error, ...).
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decode(data)
    except InvalidImage:
        raise
    except UnidentifiedImageError as exc:
        raise InvalidImage(
            f"expected a PNG or JPEG file or {RAW_BYTES} raw bytes, {len(data)} bytes of something else came; "
            "convert the picture to PNG"
        ) from exc
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise InvalidImage(f"expected at most {MAX_PIXELS} pixels, far more are declared; send a smaller crop") from exc
    except Exception as exc:
        raise InvalidImage(
            f"expected a whole PNG or JPEG file, a damaged one came "
            f"({type(exc).__name__}: {printable(str(exc), 100)}); send the file again"
        ) from exc


def _plain_png(data: bytes) -> Grey | None:
    """The pixels of a small, whole PNG of 8 grey bits with nothing beside them, as _decode gives them, only sooner;
    None for any other picture: whatever libpng would complain of is left to Pillow.

    Source: W3C, "Portable Network Graphics (PNG) Specification", third edition, chapters 5, 9 and 11.
    """
    if not (data.startswith(PNG_START) and data.endswith(PNG_END)) or len(data) < PLAIN_PNG_BYTES:
        return None
    width, height, *kind, crc, n_packed, name = struct.unpack_from(">IIBBBBBII4s", data, 16)
    if kind != [8, 0, 0, 0, 0] or min(width, height) < MIN_SIDE or max(width, height) > WORKING_SIDE:
        return None
    if name != b"IDAT" or n_packed != len(data) - PLAIN_PNG_BYTES:
        return None
    packed = data[41:-16]
    if (zlib.crc32(data[12:29]), zlib.crc32(data[37:-16])) != (crc, int.from_bytes(data[-16:-12], "big")):
        return None
    inflate, n_bytes = zlib.decompressobj(), height * (width + 1)
    try:
        rows = inflate.decompress(packed, n_bytes + 1)
    except zlib.error:
        return None
    if not inflate.eof or inflate.unused_data or len(rows) != n_bytes or max(rows[:: width + 1]) > LAST_PNG_FILTER:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None else np.asarray(pixels / np.float32(255), np.float32)


def _decode(data: bytes) -> Grey:
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise InvalidImage(
                f"expected at most {MAX_PIXELS} pixels, {width}x{height} are declared; send a smaller crop"
            )
        if min(width, height) < MIN_SIDE:
            raise InvalidImage(
                f"expected at least {MIN_SIDE}x{MIN_SIDE} pixels, {width}x{height} came; send a larger crop"
            )
        if getattr(image, "n_frames", 1) > 1 or image.format not in END_OF:  # MPO is a JPEG with more behind it
            raise InvalidImage("expected one still picture, several in one file came; send one of them")
        if image.format == "JPEG":
            if data.count(b"\xff\xda") > MAX_JPEG_SCANS:
                raise InvalidImage(f"expected at most {MAX_JPEG_SCANS} JPEG scans, more came; save the picture again")
            image.draft("L", (2 * WORKING_SIDE, 2 * WORKING_SIDE))  # decode at a half, quarter or eighth if large
        if END_OF[image.format] not in data:  # what is behind it is nobody's business
            raise InvalidImage(f"expected a whole {image.format} file, its end is missing; send the file again")
        image.load()
        grey = _to_grey(image)
        orientation = _orientation(image) if image.info.keys() & ORIENTED else 1
        if orientation not in TRANSPOSE:
            return grey
        return np.asarray(Image.fromarray(grey).transpose(TRANSPOSE[orientation]), np.float32)


def _to_grey(image: Image.Image) -> Grey:
    """(height, width), range [0, 1], reduced to WORKING_SIDE. Raises InvalidImage for depths that no user sends."""
    if image.mode == "I;16":
        return np.asarray(_reduce(image), np.float32) / np.float32(65535)
    if image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        # Transparent paper is given the colour that the ink is not.
        coloured = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
        grey_alpha = np.asarray(_reduce(coloured).convert("LA"), np.float32) / 255
        grey, alpha = grey_alpha[..., 0], grey_alpha[..., 1]
        ink_is_dark = float((grey * alpha).sum()) < 0.5 * float(alpha.sum())
        return np.asarray(grey * alpha + (1 - alpha) * np.float32(ink_is_dark), np.float32)
    if image.mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr"):
        return np.asarray(_reduce(image if image.mode == "L" else image.convert("L")), np.float32) / np.float32(255)
    raise InvalidImage(f"expected a grey, colour or palette picture, mode {image.mode} came; save it as 8-bit PNG")


def _reduce(image: Image.Image) -> Image.Image:
    """Its longest side WORKING_SIDE at most, each pixel the mean of those it stands for."""
    scale = WORKING_SIDE / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # a damaged EXIF block says nothing about the pixels, which are whole
        return 1


def _looks_like_mnist(grey: Grey) -> bool:
    """28x28, bright ink, black border, longest side 16-20 pixels and centre of mass near the middle."""
    if grey.shape != (IMAGE_SIDE, IMAGE_SIDE):
        return False
    left, top, width, height = cv2.boundingRect((grey > 0).view(np.uint8))
    if min(left, top, IMAGE_SIDE - left - width, IMAGE_SIDE - top - height) <= 0:  # there is ink on the border
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        if 2 * np.count_nonzero(border) > border.size or float(border.sum()) > 0.05 * border.size:
            return False
    if grey.max() < 0.5:
        return False
    moments = cv2.moments(grey)
    row, column = moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]
    # Measured on all 70,000 MNIST digits: longest side 17-20, centre of mass 13.4-14.6.
    return 16 <= max(width, height) <= 20 and max(abs(row - 14), abs(column - 14)) <= 1.5


def _resize(ink: Grey, longest: int) -> Grey:
    """Scaled so that the longest side has that many pixels, aspect kept."""
    height, width = ink.shape
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def _stretch(ink: Grey) -> Grey:
    """Ink rescaled so that the inside of the stroke is 1 again."""
    full = float(np.percentile(ink[ink > 0.05], 90)) if bool((ink > 0.05).any()) else 1.0
    return np.asarray(np.clip(ink / full, 0, 1), np.float32)


def _thicken(digit: Grey) -> Grey:
    """Strokes of at least MIN_STROKE final pixels: a hairline would otherwise vanish in the reduction."""
    final_pixel = max(digit.shape) / DIGIT_SIDE
    for _ in range(8):
        inked = np.pad(digit > 0.5, 1)
        edges = int((inked[1:] != inked[:-1]).sum() + (inked[:, 1:] != inked[:, :-1]).sum())
        # A stroke of width w and length l has area w*l and about 2 * 1.27 * l edges, averaged over its directions.
        stroke = 2.55 * int(inked.sum()) / max(edges, 1)
        if stroke >= MIN_STROKE * final_pixel:
            break
        wide = np.pad(digit, 2)
        grown = wide.copy()
        for rows, columns in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            grown = np.maximum(grown, np.roll(wide, (rows, columns), (0, 1)))
        digit = grown[1:-1, 1:-1]
    return digit


def _centre(digit: Grey) -> Grey:
    """Scaled to DIGIT_SIDE with the centre of mass in the middle of 28x28, no further out than the frame allows.

    In one step and to a part of a pixel, so that a little more or less ink does not move the digit by a whole one.
    """
    pixel = max(digit.shape) / DIGIT_SIDE  # one pixel of the final picture
    edges = []
    for axis, length in enumerate(digit.shape):
        middle = float(np.arange(length) @ digit.sum(axis=1 - axis)) / float(digit.sum()) + 0.5
        first = middle - (IMAGE_SIDE / 2 + 0.5) * pixel  # MNIST's centres of mass lie at index 14
        edges.append(min(max(first, length - IMAGE_SIDE * pixel), 0.0))
    border = math.ceil(IMAGE_SIDE * pixel)
    top, left = edges[0] + border, edges[1] + border
    padded = Image.fromarray(np.pad(digit, border))
    window = (left, top, left + IMAGE_SIDE * pixel, top + IMAGE_SIDE * pixel)
    return np.asarray(padded.resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR, box=window), np.float32)
