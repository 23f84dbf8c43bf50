"""Pages of scanned files: what is read, and that bad input is a reason for its page alone."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.decoding import MAX_FAILED, decode_pages
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.template.parsing import example, parse_template
from schemas.errors import DataError

FORM = print_form(parse_template(example()), 2)
SHADE = np.tile(np.linspace(0, 255, 400, dtype=np.uint8), (600, 1))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(content: bytes) -> list[ScannedPage | PageFault]:
    return list(decode_pages(content))


def pdf(media_box: str, image: str = "", image_data: bytes = b"") -> bytes:
    """A PDF of one page, with one image on it if a dictionary describes one."""
    draw = b"q 500 0 0 700 50 50 cm /I Do Q" if image else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>"
        % media_box.encode(),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(draw), draw),
        b"<< /Type /XObject /Subtype /Image %b /Length %d >>\nstream\n%b\nendstream"
        % (image.encode(), len(image_data), image_data),
    ]
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(written)
    return written + b"xref\n0 6\n0000000000 65535 f \n" + table + (
        b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "n_pages"),
    [
        (FORM, 2),
        (saved(Image.fromarray(SHADE), "PNG"), 1),
        (saved(Image.fromarray(SHADE), "JPEG"), 1),
        (saved(Image.fromarray(SHADE).convert("RGBA"), "PNG"), 1),
        (saved(Image.fromarray(SHADE > 127), "TIFF", compression="group4", save_all=True,
               append_images=[Image.fromarray(SHADE > 127)] * 2), 3),
    ],
    ids=["pdf", "png", "jpeg", "rgba", "tiff"],
)  # fmt: skip
def test_decode_pages_reads_every_page_in_order(content: bytes, n_pages: int) -> None:
    found = read(content)
    assert [page.number for page in found] == list(range(1, n_pages + 1))
    for page in found:
        assert isinstance(page, ScannedPage)
        assert page.pixels.dtype == np.uint8
        assert page.pixels.min() < 50
        assert page.pixels.max() > 200


def test_decode_pages_turns_a_photo_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    [page] = read(saved(Image.fromarray(SHADE), "JPEG", exif=exif))
    assert isinstance(page, ScannedPage)
    assert page.pixels.shape == (400, 600)


def test_decode_pages_begins_where_it_is_told() -> None:
    assert [page.number for page in decode_pages(FORM, 2)] == [2]


def encrypted() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt="secret")
    canvas.drawString(100, 100, "text")
    canvas.save()
    return buffer.getvalue()


def tiff_loop() -> bytes:
    content = bytearray(saved(Image.fromarray(SHADE), "TIFF"))
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * entries, start)
    return bytes(content)


def png_bomb() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


GIGAPIXEL = "/Width 32000 /Height 32000 /ColorSpace /DeviceGray /BitsPerComponent 8"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"hello", "expected a PDF, TIFF, PNG or JPEG file"),
        (FORM[:500], "expected a whole PDF"),
        (encrypted(), "got an encrypted one"),
        (pdf("0 0 30000 30000"), "expected a page of at most 1300 mm, got 10583"),
        (pdf("0 0 600 800", GIGAPIXEL, b"x"), "got 32000x32000"),
        (png_bomb(), "expected at most 100 million pixels, got 40000x40000"),
        (saved(Image.fromarray(SHADE[:50, :50]), "PNG"), "expected at least 300 pixels a side, got 50x50"),
        (saved(Image.fromarray(SHADE), "PNG")[:-300], "expected a whole page"),
    ],
)
def test_decode_pages_says_why_a_page_is_not_read(content: bytes, message: str) -> None:
    [fault] = read(content)
    assert isinstance(fault, PageFault)
    assert message in fault.message


def test_decode_pages_ends_a_loop_of_tiff_directories() -> None:
    found = read(tiff_loop())
    assert len(found) <= 2
    assert isinstance(found[0], ScannedPage)


def test_decode_pages_ends_after_many_pages_that_fail() -> None:
    claimed = pdf("0 0 600 800").replace(b"/Count 1", b"/Count 9")
    assert len(read(claimed)) == 9
    found = read(claimed.replace(b"/Count 9", b"/Count 9999"))
    assert len(found) == 2 + MAX_FAILED
    assert isinstance(found[0], ScannedPage)
    assert isinstance(found[-1], PageFault)
    assert "100 in a row that cannot be read" in found[-1].message


def test_decode_pages_numbers_a_damaged_directory_of_a_tiff() -> None:
    pages = [Image.fromarray(SHADE)] * 2
    content = bytearray(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    start = 4
    for _ in pages:  # to where the second directory names the next one
        (place,) = struct.unpack_from("<I", content, start)
        (entries,) = struct.unpack_from("<H", content, place)
        start = place + 2 + 12 * entries
    struct.pack_into("<I", content, start, len(content) - 3)
    first, second, fault = read(bytes(content))
    assert (first.number, second.number, fault.number) == (1, 2, 3)
    assert isinstance(fault, PageFault)
    assert "expected a whole file" in fault.message


def test_page_decoder_gives_what_the_process_decodes(tmp_path: Path) -> None:
    (tmp_path / "stack.pdf").write_bytes(FORM)
    with PageDecoder() as decoder:
        found, again = (list(decoder.pages_of(tmp_path / "stack.pdf")) for _ in range(2))
    assert len(again) == 2
    expected = read(FORM)
    assert [page.number for page in found] == [1, 2]
    for page, other in zip(found, expected, strict=True):
        assert isinstance(page, ScannedPage)
        assert isinstance(other, ScannedPage)
        assert np.array_equal(page.pixels, other.pixels)


FAILING = """
import json, os, sys, time
request = json.loads(sys.stdin.buffer.readline())
if request["first"] == 1:
    sys.stdout.buffer.write(b'{"number": 1, "width": 2, "height": 1, "dpi": null, "scanner": ""}\\nxy')
    sys.stdout.flush()
    FAIL
request["first"] == 3 or sys.exit(9)
sys.stdout.buffer.write(b'{"number": 3, "width": 2, "height": 1, "dpi": null, "scanner": ""}\\nzz{}\\n')
"""


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ("os.abort()", "got one that ended the decoder"),
        ("time.sleep(60)", "expected a page within 5 s"),
        ('print(\'{"number": 2, "width": 100000, "height": 100000, "dpi": 0, "scanner": ""}\')', "ended the decoder"),
        ("sys.stdout.write('x' * 10000)", "ended the decoder"),
    ],
)
def test_page_decoder_goes_on_after_a_page_that_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: str, message: str
) -> None:
    script = tmp_path / "process.py"
    script.write_text(FAILING.replace("FAIL", fail))
    monkeypatch.setattr("mmdigit.forms.pages.decoder.COMMAND", [sys.executable, str(script)])
    with PageDecoder(timeout_s=5) as decoder:
        first, second, third = decoder.decode(b"x")
    assert isinstance(first, ScannedPage)
    assert isinstance(second, PageFault)
    assert second.number == 2
    assert message in second.message
    assert isinstance(third, ScannedPage)
    assert third.number == 3


def test_page_decoder_refuses_a_missing_file(tmp_path: Path) -> None:
    with PageDecoder() as decoder, pytest.raises(DataError, match="expected a scan at"):
        decoder.pages_of(tmp_path / "none.pdf")


def test_decoder_that_hangs_ends_when_nobody_asks_any_more() -> None:
    script = """
import threading, time
from mmdigit.forms.pages.process import _end_with_requester
threading.Thread(target=_end_with_requester, daemon=True).start()
print("hanging", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"hanging\n"
        process.stdin.write(b"an unread request")
        process.stdin.close()
        assert process.wait(60) == 1
