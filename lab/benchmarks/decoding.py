"""Pictures and clips of each kind that a job may carry, made from the same few digits, for lab.benchmarks.wire."""

import io
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from PIL import Image

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, decode_audio, read_waveform
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.image.normalize import decode_image
from producer.sources.sample import Sample

CROP_PIXELS = 480  # a side of what a phone's camera leaves of a form's field
CROP_NOISE = 5.0  # standard deviation of the paper, of 255
JPEG_QUALITY = 90

Kinds = dict[str, tuple[Callable[[bytes], object], list[bytes]]]


def kinds(samples: Sequence[Sample]) -> Kinds:
    """The decoder and the files of each kind, from the samples that carry both."""
    pairs = [(sample.image, sample.audio) for sample in samples if sample.image and sample.audio]
    pictures = [_grey(image) for image, _ in pairs]
    clips = [read_waveform(audio) for _, audio in pairs]
    small = [picture.resize((IMAGE_SIDE, IMAGE_SIDE)) for picture in pictures]
    crops = [_crop(picture, number) for number, picture in enumerate(pictures)]
    return {
        f"PNG, {IMAGE_SIDE} px": (decode_image, [_saved(picture, "PNG") for picture in small]),
        f"JPEG, {IMAGE_SIDE} px": (decode_image, [_saved(picture, "JPEG") for picture in small]),
        f"JPEG crop of a photo, {CROP_PIXELS} px": (decode_image, [_saved(crop, "JPEG") for crop in crops]),
        f"PNG crop of a photo, {CROP_PIXELS} px": (decode_image, [_saved(crop, "PNG") for crop in crops]),
        "784 raw bytes": (decode_image, [picture.tobytes() for picture in small]),
        "WAV, 8 kHz": (decode_audio, [_sound(clip, 8_000, "WAV") for clip in clips]),
        "WAV, 16 kHz": (decode_audio, [_sound(clip, 16_000, "WAV") for clip in clips]),
        "WAV, 48 kHz": (decode_audio, [_sound(clip, 48_000, "WAV") for clip in clips]),
        "FLAC, 8 kHz": (decode_audio, [_sound(clip, 8_000, "FLAC") for clip in clips]),
        "FLAC, 16 kHz": (decode_audio, [_sound(clip, 16_000, "FLAC") for clip in clips]),
    }


def next_of(decode: Callable[[bytes], object], files: Sequence[bytes]) -> Callable[[], object]:
    """A call that decodes the next of the files, over and over, so that none stays in the processor's cache alone."""
    turn = itertools.cycle(files)
    return lambda: decode(next(turn))


def _grey(image: bytes) -> Image.Image:
    with Image.open(io.BytesIO(image)) as opened:
        return opened.convert("L")


def _crop(picture: Image.Image, number: int) -> Image.Image:
    """The digit large, in dark ink on lit paper that is not even; the same for the same number."""
    ink = np.asarray(picture.resize((CROP_PIXELS, CROP_PIXELS), Image.Resampling.BICUBIC), np.float64)
    light = np.linspace(235, 190, CROP_PIXELS)
    noise = np.random.default_rng(number).normal(0, CROP_NOISE, ink.shape)
    return Image.fromarray((light * (1 - 0.8 * ink / 255) + noise).clip(0, 255).astype(np.uint8))


def _saved(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": JPEG_QUALITY} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _sound(clip: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rate_hz: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    samples = clip if rate_hz == SAMPLE_RATE_HZ else soxr.resample(clip, SAMPLE_RATE_HZ, rate_hz)
    soundfile.write(buffer, samples.clip(-1, 1), rate_hz, format=kind, subtype="PCM_16")
    return buffer.getvalue()
