"""The bytes of a scan to grey pages: PDF by PDFium, TIFF, PNG and JPEG by Pillow, each within limits.

Runs in a process of its own (page_process.py), whose memory and time are bounded: a decoder's own needs are not known
before it runs.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import pypdfium2
from PIL import Image, ImageOps
from pypdfium2 import raw as pdfium

from mmdigit.files.formats import describe_unexpected, format_of
from mmdigit.forms.pages.page import PageFault, Pixels, ScannedPage
from schemas.errors import InvalidImage
from schemas.page import MAX_SCANNER_CHARACTERS
from schemas.printable import printable

MAX_PAGES = 10_000  # of a file
MAX_FAILED = 100  # pages of a PDF in a row: a file of 400 bytes can claim thousands that it does not have
MAX_SIDE_MM = 1_300.0  # of a PDF's page: A0
MAX_IMAGE_PIXELS = 100_000_000  # before reduction: A3 at 600 dpi has 70 million
PAGE_SIDE = 3_600  # pixels, the longest side that is kept: A4 at 300 dpi
MIN_SIDE = 300  # pixels; A5 at 40 dpi
PDF_DPI = 200
MAX_DEPTH = 4  # of forms inside forms of a PDF in which images are looked for
FORMATS = ("TIFF", "PNG", "JPEG")
_MM_PER_POINT = 25.4 / 72
_SCANNER_TAGS = (271, 272, 305)  # Make, Model, Software

T = TypeVar("T")


def decode_pages(content: bytes, first: int = 1) -> Iterator[ScannedPage | PageFault]:
    """Every page of a file from that number on, in order; a page that fails is a fault, and the next one follows.

    Pages are reduced to PAGE_SIDE. Links, scripts and forms of a PDF are never run or followed.
    """
    return each_page(content, first, pdf_page, frame_page)


def each_page(
    content: bytes,
    first: int,
    of_pdf: Callable[[pypdfium2.PdfDocument, int], T],
    of_frame: Callable[[Image.Image, int], T],
) -> Iterator[T | PageFault]:
    """What of_pdf or of_frame makes of each page from that number on; it is told the page's number, from 1."""
    try:
        if content[:1024].lstrip().startswith(b"%PDF-"):
            yield from _pdf(content, first, of_pdf)
            return
        found = format_of(content)
        if found is None or found.name not in FORMATS:
            raise InvalidImage(f"expected a PDF, TIFF, PNG or JPEG file, {describe_unexpected(content, 'image')}")
        yield from _frames(content, found.name, first, of_frame)
    except Exception as exc:  # neither library documents a closed set of errors for broken files
        yield _fault(first, "file", exc)


def _pdf(content: bytes, first: int, read: Callable[[pypdfium2.PdfDocument, int], T]) -> Iterator[T | PageFault]:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise InvalidImage("expected a PDF without a password, got an encrypted one; save it without") from exc
        raise InvalidImage("expected a whole PDF, got a damaged one; scan or save it again") from exc
    count = len(document)
    if count == 0:
        raise InvalidImage("expected pages in the PDF, got none; scan it again")
    failed = 0
    for number in range(first, min(count, MAX_PAGES) + 1):
        page = _guarded(number, partial(read, document, number))
        failed = failed + 1 if isinstance(page, PageFault) else 0
        if failed > MAX_FAILED:
            message = f"expected pages, got {MAX_FAILED} in a row that cannot be read; check the file"
            yield PageFault(number, "unreadable", message)
            return
        yield page
    if count > MAX_PAGES:
        yield PageFault(MAX_PAGES + 1, "unreadable", f"expected at most {MAX_PAGES} pages, got {count}; split the file")


def pdf_page(document: pypdfium2.PdfDocument, number: int) -> ScannedPage:
    """A page as grey pixels, at PDF_DPI at most."""
    page = document[number - 1]
    width, height = page.get_size()
    longest_mm = max(width, height) * _MM_PER_POINT
    if not 0 < longest_mm <= MAX_SIDE_MM:
        raise InvalidImage(f"expected a page of at most {MAX_SIDE_MM:g} mm, got {longest_mm:.0f}; scan it at its size")
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=MAX_DEPTH):
        check_pixels(*image.get_px_size())
    scale = min(PDF_DPI / 72, PAGE_SIDE / max(width, height))
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
    pixels = np.array(bitmap.to_numpy(), np.uint8)
    bitmap.close()
    page.close()
    _check_side(pixels.shape[1], pixels.shape[0])
    return ScannedPage(number, pixels, scale * 72, scanner_of_pdf(document))


def _frames(content: bytes, name: str, first: int, read: Callable[[Image.Image, int], T]) -> Iterator[T | PageFault]:
    Image.MAX_IMAGE_PIXELS = None  # check_pixels knows the sizes, before anything is decoded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(content), formats=[name])
        number, offsets = 1, set()
        while True:
            offset = image.tag_v2.offset if name == "TIFF" and hasattr(image, "tag_v2") else None
            if number > MAX_PAGES or (offset is not None and offset in offsets):
                message = f"expected at most {MAX_PAGES} pages, got more, or a loop of them; split the file"
                yield PageFault(number, "unreadable", message)
                return
            offsets.add(offset)
            if number >= first:
                yield _guarded(number, partial(read, image, number))
            if name != "TIFF":
                return
            number += 1
            try:
                image.seek(number - 1)
            except EOFError:
                return
            except Exception as exc:  # no closed set of errors; the pages before this one are read
                yield _fault(number, "file", exc)
                return


def frame_page(image: Image.Image, number: int) -> ScannedPage:
    """The frame that image is at, as grey pixels."""
    check_pixels(*image.size)
    if image.format == "JPEG":
        scale = min(1.0, PAGE_SIDE / max(image.size))
        image.draft("L", (round(image.width * scale), round(image.height * scale)))
    dpi = image.info.get("dpi", (None,))[0]
    factor = max(image.size) / PAGE_SIDE
    grey = _grey(image)
    if factor > 1:
        size = (max(1, round(image.width / factor)), max(1, round(image.height / factor)))
        grey = grey.resize(size, Image.Resampling.BOX)
    grey = ImageOps.exif_transpose(grey) if image.format == "JPEG" else grey
    _check_side(*grey.size)
    pixels: Pixels = np.array(grey, np.uint8)
    plain = float(dpi) / max(factor, 1) if dpi is not None and 50 <= float(dpi) <= 2400 else None
    return ScannedPage(number, pixels, plain, scanner_of_frame(image))


def scanner_of_pdf(document: pypdfium2.PdfDocument) -> str:
    """What the document says made it; at most MAX_SCANNER_CHARACTERS printable characters, "" if it says nothing."""
    names = document.get_metadata_dict(skip_empty=True)
    return _words(names.get("Creator", ""), names.get("Producer", ""))


def scanner_of_frame(image: Image.Image) -> str:
    """As scanner_of_pdf. Call it after check_pixels: Pillow decodes a PNG to find its EXIF data."""
    try:
        exif = image.getexif()
    except Exception:  # Pillow documents no closed set of errors; damaged EXIF data is no reason to lose the page
        return ""
    return _words(*(str(exif.get(tag, "")) for tag in _SCANNER_TAGS))


def _words(*names: str) -> str:
    """Each word of the names once."""
    words = " ".join(dict.fromkeys(" ".join(names).replace("\0", " ").split()))
    return printable(words, MAX_SCANNER_CHARACTERS - 3)


def _grey(image: Image.Image) -> Image.Image:
    """Mode L, transparent paper white."""
    if image.mode.startswith("I"):
        values = np.asarray(image, np.float32)
        return Image.fromarray((values * (255 / max(255.0, float(values.max(initial=0))))).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white.convert("L")
    grey = image.convert("L")
    grey.info = dict(image.info)
    return grey


def _guarded(number: int, read: Callable[[], T]) -> T | PageFault:
    try:
        return read()
    except Exception as exc:  # neither library documents a closed set of errors for broken files
        return _fault(number, "page", exc)


def _fault(number: int, what: str, exc: Exception) -> PageFault:
    if isinstance(exc, InvalidImage):
        return PageFault(number, "unreadable", str(exc))
    if isinstance(exc, MemoryError):
        message = f"expected a {what} that can be read within 1 GB, got a larger one; scan it at 300 dpi"
        return PageFault(number, "unreadable", message)
    why = f"{type(exc).__name__}: {printable(str(exc), 100)}"
    return PageFault(number, "unreadable", f"expected a whole {what}, got a damaged one ({why}); scan it again")


def check_pixels(width: int, height: int) -> None:
    """Raise InvalidImage if an image is too large to be decoded."""
    if width * height > MAX_IMAGE_PIXELS:
        raise InvalidImage(
            f"expected at most {MAX_IMAGE_PIXELS // 1_000_000} million pixels, got {width}x{height}; scan at 300 dpi"
        )


def _check_side(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(f"expected at least {MIN_SIDE} pixels a side, got {width}x{height}; scan at 150 dpi or more")
