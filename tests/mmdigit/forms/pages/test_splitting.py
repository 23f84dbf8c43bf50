"""Files of scans to files of one page each: what is read of a page is what is read of the file."""

import io
import zlib

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.decoding import decode_pages
from mmdigit.forms.pages.page import PageFault, ScannedPage, SinglePage
from mmdigit.forms.pages.splitting import split_pages
from schemas.page import MAX_CONTENT_BYTES
from tests.mmdigit.forms.pages.test_decoder import FORM, GIGAPIXEL, SHADE, encrypted, pdf, png_bomb, saved, tiff_loop

NOISE = np.random.default_rng(5).integers(0, 256, (3000, 2200), np.uint8)


def tiff(*images: Image.Image, **options: object) -> bytes:
    return saved(images[0], "TIFF", save_all=True, append_images=list(images[1:]), **options)


def exif(**tags: object) -> Image.Exif:
    exif = Image.Exif()
    exif[271], exif[272] = "Fujitsu", "Fujitsu ScanSnap iX500"
    return exif


FILES = {
    "pdf": FORM,
    "png": saved(Image.fromarray(SHADE), "PNG"),
    "jpeg": saved(Image.fromarray(SHADE), "JPEG"),
    "tiff of one page": tiff(Image.fromarray(SHADE)),
    "tiff of 1 bit": tiff(*[Image.fromarray(limit < SHADE) for limit in (90, 160)], compression="group4"),
    "tiff of grey, colour and jpeg": tiff(
        Image.fromarray(SHADE), Image.fromarray(np.dstack([SHADE, SHADE[::-1], SHADE])), compression="jpeg"
    ),
    "tiff of 16 bits": tiff(*[Image.fromarray(SHADE.astype(np.uint16) * 200)] * 2),
}


@pytest.mark.parametrize("name", FILES)
def test_split_pages_read_as_their_file_does(name: str) -> None:
    whole = list(decode_pages(FILES[name]))
    split = list(split_pages(FILES[name]))
    assert [page.number for page in split] == [page.number for page in whole]
    for page, expected in zip(split, whole, strict=True):
        assert isinstance(page, SinglePage)
        assert isinstance(expected, ScannedPage)
        [alone] = decode_pages(page.content)
        assert isinstance(alone, ScannedPage)
        assert np.array_equal(alone.pixels, expected.pixels)
        assert page.scanner == expected.scanner
        assert len(page.content) <= MAX_CONTENT_BYTES


def test_file_of_one_image_stays_as_it_is() -> None:
    for name in ("png", "jpeg", "tiff of one page"):
        [page] = split_pages(FILES[name])
        assert isinstance(page, SinglePage)
        assert page.content == FILES[name]


def test_frames_of_one_bit_stay_small() -> None:
    for page in split_pages(FILES["tiff of 1 bit"]):
        assert isinstance(page, SinglePage)
        with Image.open(io.BytesIO(page.content)) as image:
            assert (image.format, image.mode, image.info["compression"]) == ("TIFF", "1", "group4")


def test_pages_that_are_too_large_are_reduced() -> None:
    coloured = Image.fromarray(np.dstack([NOISE, NOISE[::-1], NOISE]))
    large_pdf = pdf(
        "0 0 600 800",
        "/Width 2200 /Height 3000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode",
        zlib.compress(NOISE.tobytes()),
    )
    for content in (saved(coloured, "PNG"), saved(coloured, "JPEG", quality=100), large_pdf):
        assert len(content) > MAX_CONTENT_BYTES
        [page], [whole] = split_pages(content), decode_pages(content)
        assert isinstance(page, SinglePage)
        assert isinstance(whole, ScannedPage)
        assert len(page.content) <= MAX_CONTENT_BYTES
        [alone] = decode_pages(page.content)
        assert isinstance(alone, ScannedPage)
        assert alone.pixels.shape == whole.pixels.shape
        assert float(np.abs(alone.pixels.astype(float) - whole.pixels).mean()) < 12


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (FORM[:500], "expected a whole PDF"),
        (encrypted(), "got an encrypted one"),
        (png_bomb(), "expected at most 100 million pixels"),
    ],
)
def test_split_pages_says_why_a_page_is_not_sent(content: bytes, message: str) -> None:
    [fault] = split_pages(content)
    assert isinstance(fault, PageFault)
    assert message in fault.message


def test_split_pages_ends_a_loop_of_tiff_directories() -> None:
    assert len(list(split_pages(tiff_loop()))) <= 2


def test_bomb_in_a_pdf_is_not_opened_while_it_is_split() -> None:
    [page] = split_pages(pdf("0 0 600 800", GIGAPIXEL, b"x"))
    assert isinstance(page, SinglePage)
    assert len(page.content) < 10_000


def test_scripts_of_a_document_do_not_come_along() -> None:
    script = b"/Type /Catalog /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"
    document = FORM.replace(b"/Type /Catalog", script)
    assert document != FORM
    pages = list(split_pages(document))
    assert len(pages) == 2
    for page in pages:
        assert isinstance(page, SinglePage)
        assert b"JavaScript" not in page.content
        assert len(pypdfium2.PdfDocument(page.content)) == 1


def test_split_pages_names_the_scanner() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setCreator("Scan\x00Snap \x1b[2J iX500")
    canvas.setProducer("Example " * 100)
    canvas.showPage()
    canvas.save()
    [page] = split_pages(buffer.getvalue())
    assert isinstance(page, SinglePage)
    assert page.scanner.startswith("Scan Snap")
    assert page.scanner.isprintable()
    assert len(page.scanner) <= 200
    [photo] = split_pages(saved(Image.fromarray(SHADE), "JPEG", exif=exif()))
    assert isinstance(photo, SinglePage)
    assert photo.scanner == "Fujitsu ScanSnap iX500"


def test_damaged_exif_data_loses_no_page() -> None:
    for pages in (split_pages, decode_pages):
        [page] = pages(saved(Image.fromarray(SHADE), "PNG", exif=b"rubbish"))
        assert not isinstance(page, PageFault)
        assert page.scanner == ""


def test_page_decoder_splits_and_decodes_in_turn() -> None:
    with PageDecoder() as decoder:
        assert list(decoder.split(FILES["tiff of 1 bit"])) == list(split_pages(FILES["tiff of 1 bit"]))
        assert [page.number for page in decoder.decode(FORM)] == [1, 2]
        [photo] = decoder.decode(saved(Image.fromarray(SHADE), "JPEG", exif=exif()))
        assert isinstance(photo, ScannedPage)
        assert photo.scanner == "Fujitsu ScanSnap iX500"
        assert [page.number for page in decoder.split(FORM)] == [1, 2]
        [fault] = decoder.split(b"hello")
        assert isinstance(fault, PageFault)
