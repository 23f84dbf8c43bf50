"""WebP files of one still image; animations, broken and too large files are refused."""

import struct

import numpy as np
import pytest
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit
from tests.mmdigit.reading.image.sevens import is_like


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_read(mode: str, lossless: bool) -> None:
    assert is_like(as_bytes(drawn_digit().convert(mode), "WEBP", lossless=lossless))
    alpha = Image.fromarray(255 - np.asarray(drawn_digit()))
    ink = Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])
    assert is_like(as_bytes(ink, "WEBP", lossless=lossless))


def test_webp_that_is_animated_or_broken_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    frames = [drawn_digit(ink=ink) for ink in (0, 90)]
    with pytest.raises(InvalidImage, match="got an animation"):
        decode_image(as_bytes(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    data = as_bytes(drawn_digit(), "WEBP")
    for broken in (data[:20], data[:-100], data[:40] + bytes(60) + data[100:]):
        with pytest.raises(InvalidImage, match="WebP"):
            decode_image(broken)
    assert capfd.readouterr() == ("", "")


def test_webp_over_the_limits_is_refused_before_decoding() -> None:
    body = b"\x2f" + struct.pack("<I", 9_999 | 9_999 << 14)
    with pytest.raises(InvalidImage, match="10000x10000"):
        decode_image(b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body)
