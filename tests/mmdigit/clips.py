"""Images and clips for the tests, generated on the fly."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lab.fuzz.containers import ogg_crc


def drawn_digit(side: int = 100, thickness: int = 12, ink: int = 0, paper: int = 255) -> Image.Image:
    """A seven in strokes on a square of paper."""
    image = Image.new("L", (side, side), paper)
    draw = ImageDraw.Draw(image)
    draw.line(
        [(0.3 * side, 0.25 * side), (0.7 * side, 0.25 * side), (0.45 * side, 0.8 * side)],
        fill=ink,
        width=thickness,
        joint="curve",
    )
    return image


def mnist_like(seed: int = 0) -> NDArray[np.uint8]:
    """A 28x28 image like those of MNIST: a bright ring on black, 20 pixels high, in the middle."""
    rows, columns = np.mgrid[:28, :28] - 13.5
    distance = np.hypot(rows, columns * 1.4)
    ring = np.clip(2.5 - np.abs(distance - 8), 0, 1)
    random = np.random.default_rng(seed)
    return np.asarray(np.round(ring * random.uniform(0.8, 1, ring.shape) * 255), np.uint8)


def as_bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tone(
    duration_s: float = 0.5, rate_hz: int = 8000, level: float = 0.3, pitch_hz: float = 440
) -> NDArray[np.float64]:
    """A tone with soft ends, (n_samples,)."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    ends = np.clip(np.minimum(time_s, duration_s - time_s) / 0.02, 0, 1)
    return np.asarray(level * np.sin(2 * np.pi * pitch_hz * time_s) * ends, np.float64)


def wav(samples: NDArray[np.float64], rate_hz: int = 8000, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, subtype=subtype, format=kind)
    return buffer.getvalue()


def ogg_page(flags: int, number: int, packet: bytes, granule: int = 0, stream: int = 7) -> bytes:
    """A page with one packet, without the last segment if the packet needs more than a page."""
    table = (b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]))[:255]
    header = b"OggS\0" + bytes([flags]) + struct.pack("<qIIIB", granule, stream, number, 0, len(table))
    whole = header + table + packet[: sum(table)]
    return whole[:22] + ogg_crc(whole).to_bytes(4, "little") + whole[26:]


def ogg(packets: Sequence[tuple[int, bytes]]) -> bytes:
    """A stream of packets with their granule positions, each on one or more pages."""
    pages: list[bytes] = []
    for granule, packet in packets:
        for start in range(0, len(packet), 255 * 255):
            flags = (2 if not pages else 0) | (1 if start else 0)
            pages.append(ogg_page(flags, len(pages), packet[start:], granule))
    return b"".join(pages)


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and has no pixels."""
    import zlib

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    end = b"IEND"
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + end
        + struct.pack(">I", zlib.crc32(end))
    )
