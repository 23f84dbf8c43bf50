"""CPU time and memory of the most expensive inputs within the limits, in one process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import running

ROOT = Path(__file__).parents[3]
MAX_MB = 128
"""On top of a small input's memory. The highest measured: 109, a WebP of 12 megapixels with transparency."""

MAX_CPU_S = 5.0
"""Ten times the highest measured, for slower machines."""

PREAMBLE = """
import gc, json, re, struct, sys, time, zlib
import numpy as np
from PIL import Image
from mmdigit.reading.audio.normalize import decode_audio
from mmdigit.reading.audio.flac import with_length
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.limits import MAX_PIXELS, MAX_SIDE
from schemas.errors import InvalidJob
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from tests.mmdigit.clips import as_bytes, drawn_digit, ogg, tone, wav

SIDE = int(MAX_PIXELS ** 0.5)

def chunk(name, inner):
    return struct.pack(">I", len(inner)) + name + inner + struct.pack(">I", zlib.crc32(name + inner))

def png(depth, colour, channels, width=SIDE, more=b"", interlaced=0, height=SIDE):
    pack, row = zlib.compressobj(9), bytes(1 + (width * channels * depth + 7) // 8)
    pixels = b"".join(pack.compress(row) for _ in range(height + height * interlaced)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

def saved(kind, mode, size=(SIDE, SIDE), **options):
    return as_bytes(Image.linear_gradient("L").resize(size).convert(mode), kind, **options)

def jpeg(mode, **options):
    return saved("JPEG", mode, quality=30, **options)

def blank(kind, mode, size=(SIDE, SIDE), **options):
    return as_bytes(Image.new(mode, size), kind, **options)

def scanned_again(data, scans):
    starts = [found.start() for found in re.finditer(b"\\xff\\xda", data)]
    return data[:-2] + data[starts[-1]:-2] * (scans - len(starts)) + data[-2:]

def faint(count):
    return np.random.default_rng(0).normal(0, 1, (count, 2)) * [2e-4, 2e-5]

def opus(packet, step, count, tags=b"OpusTags" + struct.pack("<I", 1) + b"x" + bytes(4)):
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
    packets = [(0, head), (0, tags), *((step * number, packet) for number in range(1, count + 1))]
    return ogg(packets)

palette = chunk(b"PLTE", bytes(768))
small = as_bytes(drawn_digit().convert("RGB"))

def status(name):
    return int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

def cost(name, decode, content):
    assert len(content) <= MAX_IMAGE_BYTES == MAX_AUDIO_BYTES, (name, len(content))
    decode(small if decode is decode_image else clip)
    gc.collect()
    before_mb = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forgets the peak
    started_s = time.process_time()
    try:
        decode(content)
    except InvalidJob:
        pass
    print(json.dumps([name, time.process_time() - started_s, status("VmHWM") - before_mb]), flush=True)

clip = wav(tone())
"""

IMAGES = {
    "16-bit grey": "png(16, 0, 1)",
    "16-bit colour with transparency": "png(16, 6, 4)",
    "palette with transparency": "png(8, 3, 1, more=palette + chunk(b'tRNS', bytes(256)))",
    "grey with transparency": "png(8, 4, 2)",
    "interlaced": "png(8, 2, 3, interlaced=1)",
    "progressive JPEG": "jpeg('RGB', progressive=True, subsampling=0)",
    "progressive JPEG in four colours": "jpeg('CMYK', progressive=True)",
    "JPEG of twenty scans": "scanned_again(jpeg('RGB', progressive=True, subsampling=0), 20)",
    "text that unpacks to 64 MiB": "small[:33] + b''.join("
    "chunk(b'zTXt', b'k%d\\0\\0' % n + zlib.compress(bytes(2**20 - 1))) for n in range(64)) + small[33:]",
    "170,000 chunks": "small[:33] + chunk(b'abCd', b'') * 170_000 + small[33:]",
    "EXIF of 65,535 entries": "small[:33] + chunk(b'eXIf', b'MM\\0*\\0\\0\\0\\x08\\xff\\xff' + b''.join("
    "struct.pack('>HHII', n, 7, 1_000_000, 8) for n in range(65_535)) + bytes(1_000_000)) + small[33:]",
    "a strip of palette with transparency": "png(8, 3, 1, 8, palette + chunk(b'tRNS', bytes(256)), height=1_562_500)",
    "a column of palette with transparency": "png(8, 3, 1, 763, palette + chunk(b'tRNS', bytes(256)), height=MAX_SIDE)",
    "a row of 16-bit colour with transparency": "png(16, 6, 4, MAX_SIDE, height=763)",
    "16-bit colour that uses few bits": "png(16, 6, 4, 1_730, height=1_730)",
    "a thin progressive JPEG in four colours": "jpeg('CMYK', progressive=True, size=(191, 65_443))",
    "a column of progressive JPEG in four colours": "jpeg('CMYK', progressive=True, size=(763, MAX_SIDE - 16))",
    "JPEG of twenty scans without its end": "scanned_again(jpeg('CMYK', progressive=True), 20)[:-2]",
    "TIFF of two levels, G4": "blank('TIFF', '1', compression='group4')",
    "TIFF of two levels, G3, noise": "as_bytes(Image.fromarray(np.random.default_rng(0).random((1500, 1500)) < 0.5), "
    "'TIFF', compression='group3')",
    "TIFF in a single strip, deflate": "blank('TIFF', 'LA', compression='tiff_adobe_deflate', tiffinfo={278: SIDE})",
    "a column of TIFF, LZW": "blank('TIFF', 'CMYK', (763, MAX_SIDE), compression='tiff_lzw')",
    "TIFF of noise, LZW": "as_bytes(Image.fromarray(np.random.default_rng(0).integers(0, 256, (1200, 1200))"
    ".astype(np.uint8)), 'TIFF', compression='tiff_lzw')",
    "TIFF of noise, PackBits": "as_bytes(Image.fromarray(np.arange(1_960_000).reshape(1400, 1400).astype(np.uint8)), "
    "'TIFF', compression='packbits')",
    "TIFF of floats": "blank('TIFF', 'F', (3000, 3000), compression='tiff_adobe_deflate')",
    "WebP without loss": "blank('WEBP', 'RGBA', lossless=True)",
    "a column of WebP with transparency": "blank('WEBP', 'RGBA', (763, 16_382))",
    "WebP of noise without loss": "as_bytes(Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 700, 4))"
    ".astype(np.uint8)), 'WEBP', lossless=True)",
    "noise": "as_bytes(Image.fromarray(np.random.default_rng(0).integers(0, 256, (800, 800, 3)).astype(np.uint8)))",
    "checkerboard": "as_bytes(Image.fromarray((np.indices((3000, 3000)).sum(0) % 2 * 255).astype(np.uint8)))",
    "lines": "as_bytes(Image.fromarray((np.arange(65_536) // 256 % 7 // 6 * 255).reshape(256, 256).astype(np.uint8)))",
    "comb of dots": "as_bytes(Image.fromarray(np.kron(np.eye(2), np.ones((2, 2))).repeat(40, 0).repeat(40, 1)"
    ".astype(np.uint8) * 255))",
}
CLIPS = {
    "4 s at 48 kHz": "wav(np.random.default_rng(0).normal(0, 0.1, 4 * 48_000), 48_000)",
    "10 s of stereo FLAC": "wav(np.random.default_rng(0).normal(0, 1e-3, (480_000, 2)), 48_000, 'FLAC')",
    "10 s of stereo FLAC at 192 kHz": "wav(faint(1_920_000), 192_000, 'FLAC')",
    "10 s of stereo FLAC at 191,990 Hz": "wav(faint(1_919_890), 191_990, 'FLAC')",
    "FLAC at 192 kHz, cut, of unknown length": "with_length(wav(faint(1_910_000), 192_000, 'FLAC'), 0)[:-9]",
    "FLAC with a million frame headers": "(lambda f: f + b'\\xff\\xf8' * (2**20 - len(f)))(wav(tone(), kind='FLAC'))",
    "10 s of stereo Opus": "wav(np.random.default_rng(0).normal(0, 0.1, (480_000, 2)), 48_000, 'OGG', 'OPUS')",
    "Opus of 8,000 pages": "opus(b'\\xe0\\xff\\xfe', 120, 8_000)",
    "Opus packets of 120 ms": "opus(b'\\xfb\\x06' + bytes(1_200), 5_760, 1_600)",
    "Opus tags of 2 MB": "opus(b'\\xf8\\xff\\xfe', 960, 400, b'OpusTags' + struct.pack('<I', 1) + b'x'"
    " + struct.pack('<I', 500_000) + struct.pack('<I', 0) * 500_000)",
    "Opus with a picture of 2 MB": "opus(b'\\xf8\\xff\\xfe', 960, 400, b'OpusTags' + struct.pack('<I', 1) + b'x'"
    " + struct.pack('<II', 1, 2_000_000) + b'METADATA_BLOCK_PICTURE=' + b'A' * (2_000_000 - 23))",
    "hum, clicks and a drift": "wav(np.clip(0.3 * np.sin(np.arange(79_990) / 25) + np.exp(-np.arange(79_990) / 9_000)"
    " + np.tile(np.r_[1.0, np.zeros(7998)], 10)[:79_990], -1, 1))",
    "10 s at a rate without a common divisor": "wav(np.random.default_rng(0).normal(0, 0.1, 479_990), 47_999, 'FLAC')",
    "260,000 chunks": "b'RIFF\\0\\0\\0\\0WAVE' + b'abcd\\0\\0\\0\\0' * 260_000",
    "FLAC with 500,000 blocks": "(lambda f: f[:4] + bytes([0]) + f[5:42] + b'\\x01\\0\\0\\0' * 500_000 + f[42:])"
    "(wav(tone(), kind='FLAC'))",
    "clicks": "wav(np.tile(np.r_[1.0, np.zeros(79)], 1000))",
}
CASES = [
    *(("decode_image", name, made) for name, made in IMAGES.items()),
    *(("decode_audio", name, made) for name, made in CLIPS.items()),
]
"""Decoder, name, and the expression that makes the input."""


Costs = Callable[[str], tuple[float, float]]


@pytest.fixture(scope="module")
def cost_of() -> Iterator[Costs]:
    """CPU seconds and additional MB of an input, whether valid or not. One process decodes all of them, in order."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("no /proc/self/clear_refs to read a peak by")
    lines = [f"cost({name!r}, {decode}, {made})" for decode, name, made in CASES]
    found: dict[str, tuple[float, float]] = {}

    def cost_of(name: str) -> tuple[float, float]:
        while name not in found:
            assert process.stdout is not None
            done, cpu_s, peak_mb = json.loads(process.stdout.readline())
            found[done] = (cpu_s, peak_mb)
        return found[name]

    with running([sys.executable, "-c", "\n".join([PREAMBLE, *lines])], cwd=ROOT, stdout=subprocess.PIPE) as process:
        yield cost_of


@pytest.mark.parametrize("name", [name for _, name, _ in CASES])
def test_decoding_stays_within_cpu_and_memory_limits(name: str, cost_of: Costs) -> None:
    cpu_s, peak_mb = cost_of(name)
    assert cpu_s < MAX_CPU_S
    assert peak_mb < MAX_MB
