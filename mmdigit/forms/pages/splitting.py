"""A file of scans to files of one page each, small enough for a record; nothing that a file links to is followed.

Runs in the process of page_process.py, as decoding does.
"""

import io
from collections.abc import Iterator

import numpy as np
import pypdfium2
from PIL import Image

from mmdigit.forms.pages.decoding import (
    check_pixels,
    each_page,
    frame_page,
    pdf_page,
    scanner_of_frame,
    scanner_of_pdf,
)
from mmdigit.forms.pages.page import PageFault, ScannedPage, SinglePage
from schemas.errors import InvalidImage
from schemas.page import MAX_CONTENT_BYTES

QUALITIES = (90, 75, 50)  # of a JPEG, until a page is small enough
_BILEVEL_SIDE = 20_000  # pixels; a page of 1 bit stays as it is up to so many


def split_pages(content: bytes, first: int = 1) -> Iterator[SinglePage | PageFault]:
    """Every page of a file from that number on, each as a file that decode_pages reads like the page.

    A PDF's pages are PDFs. A file with a single image stays as it is, and so do frames of 1 bit of a TIFF, as TIFF of
    Group 4. Other frames, and pages of more than MAX_CONTENT_BYTES, become what decoding makes of them: grey, reduced,
    as PNG or, where that is too large, as JPEG.
    """
    return each_page(content, first, _of_pdf, lambda image, number: _of_frame(content, image, number))


def _of_pdf(document: pypdfium2.PdfDocument, number: int) -> SinglePage:
    single = pypdfium2.PdfDocument.new()
    single.import_pages(document, pages=[number - 1])
    buffer = io.BytesIO()
    single.save(buffer)
    single.close()
    content = buffer.getvalue()
    if len(content) > MAX_CONTENT_BYTES:
        content = _reduced(pdf_page(document, number))
    return SinglePage(number, content, scanner_of_pdf(document))


def _of_frame(file: bytes, image: Image.Image, number: int) -> SinglePage:
    check_pixels(*image.size)
    scanner = scanner_of_frame(image)
    if len(file) <= MAX_CONTENT_BYTES and getattr(image, "n_frames", 1) == 1:
        return SinglePage(number, file, scanner)
    if image.mode == "1" and max(image.size) <= _BILEVEL_SIDE:
        buffer = io.BytesIO()
        resolution = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
        image.copy().save(buffer, "TIFF", compression="group4", **resolution)
        if len(buffer.getvalue()) <= MAX_CONTENT_BYTES:
            return SinglePage(number, buffer.getvalue(), scanner)
    return SinglePage(number, _reduced(frame_page(image, number)), scanner)


def _reduced(page: ScannedPage) -> bytes:
    """The page's pixels as a file of at most MAX_CONTENT_BYTES, without a loss if that is possible."""
    image = Image.fromarray(np.ascontiguousarray(page.pixels))
    resolution = {} if page.dpi is None else {"dpi": (page.dpi, page.dpi)}
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **resolution)
    for quality in QUALITIES:
        if len(buffer.getvalue()) <= MAX_CONTENT_BYTES:
            return buffer.getvalue()
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, **resolution)
    if len(buffer.getvalue()) <= MAX_CONTENT_BYTES:
        return buffer.getvalue()
    raise InvalidImage(f"expected a page that fits {MAX_CONTENT_BYTES} bytes, got more; scan it in grey at 200 dpi")
