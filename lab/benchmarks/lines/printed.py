"""python -m lab.benchmarks.lines.printed: lines of printed digits, read by what is fitted to handwriting.

Ten fonts that come with matplotlib, and the seven segments of a display, set evenly in a row and photographed
as the lines of lab.benchmarks.lines. Nothing is fitted to them. About a minute of one core.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lab.benchmarks.lines.__main__ import PACKAGES, by_count, read_lines
from lab.benchmarks.lines.page import table
from lab.benchmarks.lines.rendering import Line, Surface, render_line
from lab.kit.report import arguments, provenance, show
from mmdigit.training.data.splits import Digits

MODULE = "lab.benchmarks.lines.printed"
LINES = 45  # of each font
SEED = 303
SURFACES: tuple[Surface, ...] = get_args(Surface)
FONTS = {
    "sans serif": ("DejaVuSans", "DejaVuSans-Bold", "cmss10"),
    "serif": ("DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "cmr10"),
    "typewriter": ("DejaVuSansMono", "cmtt10"),
}
DISPLAY = "seven segments"
SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Of the digits 0 to 9: a is the upper one, b to f follow clockwise, g is in the middle."""
HEIGHT, SIDE = 20, 28  # of a digit's ink, and of its image, as MNIST's
COPIES = 3  # of each digit, so that a line may repeat one
GLYPH = 200  # pixels of its size before it is scaled down


def set_in_type(font: str) -> list[NDArray[np.uint8]]:
    """The digits 0 to 9 of a font of matplotlib's: each (SIDE, SIDE), ink 255, HEIGHT pixels high."""
    type_face = ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf", GLYPH)
    images = []
    for digit in range(10):
        glyph = Image.new("L", (2 * GLYPH, 2 * GLYPH))
        ImageDraw.Draw(glyph).text((GLYPH // 2, GLYPH // 4), str(digit), font=type_face, fill=255)
        ink = glyph.crop(glyph.getbbox())
        width = max(2, round(ink.width * HEIGHT / ink.height))
        left, top = (SIDE - width) // 2, (SIDE - HEIGHT) // 2
        image = np.zeros((SIDE, SIDE), np.uint8)
        scaled = ink.resize((width, HEIGHT), Image.Resampling.LANCZOS)
        image[top : top + HEIGHT, left : left + width] = np.asarray(scaled)
        images.append(image)
    return images


def on_display() -> list[NDArray[np.uint8]]:
    """The digits 0 to 9 of seven segments with gaps between them, as set_in_type."""
    left, right, top, middle, bottom = 95, 185, 50, 140, 230
    corners = {"a": (left, top, right, top), "b": (right, top, right, middle), "c": (right, middle, right, bottom)}
    corners |= {"d": (left, bottom, right, bottom), "e": (left, middle, left, bottom), "f": (left, top, left, middle)}
    corners["g"] = (left, middle, right, middle)
    images = []
    for names in SEGMENTS:
        glyph = np.zeros((10 * SIDE, 10 * SIDE), np.uint8)
        for name in names:
            x, y, to_x, to_y = corners[name]
            wide, tall = (-15, 10) if y == to_y else (10, -15)  # half of a segment's width, and the gaps at its ends
            cv2.rectangle(glyph, (x - wide, y - tall), (to_x + wide, to_y + tall), 255, cv2.FILLED)
        images.append(np.asarray(cv2.resize(glyph, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8))
    return images


def printed_lines(count: int) -> Iterator[tuple[str, Line]]:
    """`count` lines of each font, plain, scanned and photographed in turn, with the name of its group."""
    fonts = [(group, set_in_type(font)) for group, names in FONTS.items() for font in names] + [(DISPLAY, on_display())]
    for place, (group, images) in enumerate(fonts):
        labels = np.tile(np.arange(10), COPIES)
        font = Digits(np.array(images)[labels], labels, np.full(labels.size, place))
        for number in range(count):
            random = np.random.default_rng([SEED, place, number])
            yield group, render_line(font, False, SURFACES[number % len(SURFACES)], random, jitter=0.0)


def measure(count: int) -> dict[str, Any]:
    """Every group of fonts, and all fonts without the display."""
    result, read = read_lines(printed_lines(count), count * (1 + sum(map(len, FONTS.values()))))
    return {
        **result,
        "kinds": {group: by_count(read, [group]) for group in (*FONTS, DISPLAY)},
        "groups": {"ten fonts": by_count(read, list(FONTS))},
    }


def main(argv: list[str] | None = None) -> int:
    parser = arguments(MODULE, __doc__)
    parser.add_argument("--count", type=int, metavar="N", default=LINES, help="lines of a font (default: %(default)s)")
    options = parser.parse_args(argv)
    head = provenance(MODULE, (*PACKAGES, "matplotlib"), None) | {"source": "fonts of matplotlib, and a drawn display"}
    return show(options, head | measure(options.count), table)


if __name__ == "__main__":
    sys.exit(main())
