"""The same few digits as files of each image and audio format that a job may carry, for lab.benchmarks.wire."""

import io
import itertools
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from PIL import Image

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, decode_audio, read_waveform
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.image.normalize import decode_image
from producer.sources.sample import Sample

BOX_PIXELS = 140  # side of a printed box cut from a phone's photo of a form
BOX_INK, PEN, PAPER = (130, 120, 110), (40, 50, 120), (225, 215, 200)  # red, green, blue
CROP_PIXELS = 480  # side of a field cut from a phone's photo of a form
CROP_NOISE = 5.0  # standard deviation of the paper, of 255
JPEG_QUALITY = 90

Formats = dict[str, tuple[Callable[[bytes], object], list[bytes]]]


def file_formats(samples: Sequence[Sample]) -> Formats:
    """The decoder and the files of each format, from the samples that carry both image and audio."""
    pairs = [(sample.image, sample.audio) for sample in samples if sample.image and sample.audio]
    images = [_grey(content) for content, _ in pairs]
    clips = [read_waveform(audio) for _, audio in pairs]
    small = [image.resize((IMAGE_SIDE, IMAGE_SIDE)) for image in images]
    boxes = [_box(image, number) for number, image in enumerate(images)]
    crops = [_crop(image, number) for number, image in enumerate(images)]
    return {
        f"PNG, {IMAGE_SIDE} px": (decode_image, [_image_file(image, "PNG") for image in small]),
        f"JPEG, {IMAGE_SIDE} px": (decode_image, [_image_file(image, "JPEG") for image in small]),
        f"JPEG of a box, {BOX_PIXELS} px": (decode_image, [_image_file(box, "JPEG") for box in boxes]),
        f"PNG of a box, {BOX_PIXELS} px": (decode_image, [_image_file(box, "PNG") for box in boxes]),
        f"JPEG crop of a photo, {CROP_PIXELS} px": (decode_image, [_image_file(crop, "JPEG") for crop in crops]),
        f"PNG crop of a photo, {CROP_PIXELS} px": (decode_image, [_image_file(crop, "PNG") for crop in crops]),
        "784 raw bytes": (decode_image, [image.tobytes() for image in small]),
        "WAV, 8 kHz": (decode_audio, [_audio_file(clip, 8_000, "WAV") for clip in clips]),
        "WAV, 16 kHz": (decode_audio, [_audio_file(clip, 16_000, "WAV") for clip in clips]),
        "WAV, 48 kHz": (decode_audio, [_audio_file(clip, 48_000, "WAV") for clip in clips]),
        "FLAC, 8 kHz": (decode_audio, [_audio_file(clip, 8_000, "FLAC") for clip in clips]),
        "FLAC, 16 kHz": (decode_audio, [_audio_file(clip, 16_000, "FLAC") for clip in clips]),
    }


def decode_in_turn(decode: Callable[[bytes], object], files: Sequence[bytes]) -> Callable[[], object]:
    """A call that decodes the next file each time, so that no single file stays in the processor's cache."""
    turn = itertools.cycle(files)
    return lambda: decode(next(turn))


def _grey(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as opened:
        return opened.convert("L")


def _box(image: Image.Image, number: int) -> Image.Image:
    """A digit in a printed box, a little askew, in colour on unevenly lit paper; deterministic by number."""
    random = np.random.default_rng(number)
    digit = np.asarray(image.resize((100, 100), Image.Resampling.BICUBIC), np.float64) / 255
    ink = np.pad(digit, (BOX_PIXELS - 100) // 2)[..., None]
    turn = cv2.getRotationMatrix2D((BOX_PIXELS / 2, BOX_PIXELS / 2), random.uniform(-2, 2), 1)
    frame = cv2.rectangle(np.zeros((BOX_PIXELS, BOX_PIXELS)), (8, 8), (BOX_PIXELS - 9, BOX_PIXELS - 9), 1.0, 3)
    printed = cv2.warpAffine(frame, turn, (BOX_PIXELS, BOX_PIXELS))[..., None]
    colour = (np.array(PAPER) * (1 - printed) + np.array(BOX_INK) * printed) * (1 - ink) + np.array(PEN) * ink
    light = np.linspace(1, 0.8, BOX_PIXELS)[:, None]
    noise = random.normal(0, CROP_NOISE, colour.shape)
    return Image.fromarray((colour * light + noise).clip(0, 255).astype(np.uint8))


def _crop(image: Image.Image, number: int) -> Image.Image:
    """A large digit in dark ink on unevenly lit paper; deterministic by number."""
    ink = np.asarray(image.resize((CROP_PIXELS, CROP_PIXELS), Image.Resampling.BICUBIC), np.float64)
    light = np.linspace(235, 190, CROP_PIXELS)
    noise = np.random.default_rng(number).normal(0, CROP_NOISE, ink.shape)
    return Image.fromarray((light * (1 - 0.8 * ink / 255) + noise).clip(0, 255).astype(np.uint8))


def _image_file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": JPEG_QUALITY} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _audio_file(clip: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rate_hz: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    samples = clip if rate_hz == SAMPLE_RATE_HZ else soxr.resample(clip, SAMPLE_RATE_HZ, rate_hz)
    soundfile.write(buffer, samples.clip(-1, 1), rate_hz, format=kind, subtype="PCM_16")
    return buffer.getvalue()
