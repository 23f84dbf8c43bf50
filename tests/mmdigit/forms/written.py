"""Pages of the example form, filled with the sample pack's digits and scanned, for the tests of reading."""

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lab.benchmarks.forms.camera import Camera, View
from lab.benchmarks.forms.filling import DPI, Filled, blank_page, fill
from mmdigit.forms.pages.page import Pixels, ScannedPage
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.forms.template.template import FormField, FormPage, Template
from mmdigit.forms.template.value_list import load_values
from mmdigit.reading.image.normalize import decode_image
from mmdigit.training.data.splits import Digits

PACK = Path(__file__).parents[3] / "samples" / "pack" / "images"
TEMPLATE = parse_template(example())
SPOKEN_FORM = re.sub(rb"- name: (born|amount)\b", rb"- spoken: optional\n        name: \1", example()).replace(
    b"- name: member ", b"- spoken: required\n        name: member "
)
SPOKEN = parse_template(SPOKEN_FORM)
"""The example form, whose first three fields are also read aloud."""
FREE_FORM = example().replace(b"- name: member ", b"- free: true\n        name: member ")
FREE = parse_template(FREE_FORM)
"""The example form; the digits of member are written into one box."""
FLAT = Camera(150.0)


@cache
def sample_digits() -> Digits:
    """The digits of the sample pack, as of one writer."""
    paths = sorted(PACK.glob("[0-9]_*"))
    images = np.stack([np.round(255 * decode_image(path.read_bytes())).astype(np.uint8) for path in paths])
    labels = np.array([int(path.name[0]) for path in paths], np.int64)
    return Digits(images, labels, np.zeros(labels.size, np.int64))


def listed_field(field: FormField, *values: str) -> FormField:
    """The field with the values of its lookup file."""
    assert field.lookup is not None
    with TemporaryDirectory() as folder:
        (file := Path(folder) / field.lookup).write_text("\n".join(values))
        lists = {(field.lookup, field.boxes.count): load_values(file, field.boxes.count)}
    template = Template(version=1, form="LIST", pages=(FormPage(fields=(field,)),))
    return template.with_lists(lists).pages[0].fields[0]


@cache
def paper(template: Template = TEMPLATE, page: int = 0, serial: int = 1) -> NDArray[np.float32]:
    return blank_page(template, page, serial)


@cache
def filled_page(seed: int = 1) -> Filled:
    return fill(paper(), TEMPLATE, sample_digits(), np.random.default_rng(seed))


def scanned(page: NDArray[np.float32], camera: Camera = FLAT) -> tuple[Pixels, View]:
    """The page as the camera sees it, a dark table around it."""
    view = View.of(camera, TEMPLATE.size_mm)
    places = (view.to_page() * DPI / 25.4 - 0.5).astype(np.float32)
    soft = cv2.GaussianBlur(page, (0, 0), 0.45 * DPI / camera.dpi)
    seen = cv2.remap(soft, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderValue=0.2)
    return np.round(255 * np.clip(seen, 0, 1)).astype(np.uint8), view


def scanned_page(page: NDArray[np.float32], camera: Camera = FLAT) -> ScannedPage:
    return ScannedPage(1, scanned(page, camera)[0])


def turned(camera: Camera, degrees: float) -> Camera:
    return replace(camera, turn_deg=degrees)


def png_of(page: NDArray[np.float32], dpi: float) -> bytes:
    """The page at dpi as a PNG file that says so."""
    buffer = io.BytesIO()
    Image.fromarray(np.round(255 * np.clip(page, 0, 1)).astype(np.uint8)).save(buffer, "PNG", dpi=(dpi, dpi))
    return buffer.getvalue()
