"""Resizes real samples to a given number of bytes; they still decode to the same digit.

Below PHONE_BYTES the image is a PNG of 28 x 28 pixels and the clip is at 8 kHz. From there on both are what a phone
would send: a noisy image of PHONE_SIDE pixels and a clip at 48 kHz. The clip is then cut, or lengthened by faint noise,
so that both together have the requested size (one byte less if that is odd).
"""

import io
import zlib

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.audio.normalize import MAX_DURATION_S, SAMPLE_RATE_HZ, read_waveform
from mmdigit.reading.image.normalize import decode_image
from producer.sources.sample import Sample

PHONE_BYTES = 50_000
PHONE_RATE_HZ = 48_000
PHONE_SIDE = 140  # pixels
PAPER_NOISE = 6.0  # standard deviation, of 255
CLIP_NOISE = 1e-3  # standard deviation, of full scale: a quiet room
Pixels = NDArray[np.uint8]

_WAV_HEADER_BYTES, _SAMPLE_BYTES = 44, 2


def padded(sample: Sample, payload_bytes: int) -> Sample:
    """The sample with image and audio of payload_bytes together; deterministic.

    Raises ValueError if image or audio is missing, or if the clip would be too short or too long to decode.
    """
    if sample.image is None or sample.audio is None:
        raise ValueError(f"expected an image and audio in {sample.sample_id}, got one of them")
    random = np.random.default_rng(zlib.crc32(sample.audio + sample.image))
    is_phone = payload_bytes >= PHONE_BYTES
    pixels = np.round(decode_image(sample.image) * 255).astype(np.uint8)  # (28, 28), bright ink
    image = _png(_enlarged(pixels, random) if is_phone else pixels)
    rate_hz = PHONE_RATE_HZ if is_phone else SAMPLE_RATE_HZ
    n_samples = (payload_bytes - len(image) - _WAV_HEADER_BYTES) // _SAMPLE_BYTES
    if not 0.1 * rate_hz < n_samples <= MAX_DURATION_S * rate_hz:
        raise ValueError(f"expected a size that leaves 0.1-{MAX_DURATION_S:g} s for the clip, got {payload_bytes}")
    waveform = read_waveform(sample.audio)
    if is_phone:
        waveform = soxr.resample(waveform, SAMPLE_RATE_HZ, rate_hz)
    return Sample(sample.sample_id, image, _wav(_of_length(waveform, n_samples, random), rate_hz), sample.label)


def _enlarged(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """(PHONE_SIDE, PHONE_SIDE): the digit on uneven paper."""
    large = np.asarray(Image.fromarray(pixels).resize((PHONE_SIDE, PHONE_SIDE), Image.Resampling.BICUBIC), np.float64)
    return (large + random.normal(20, PAPER_NOISE, large.shape)).clip(0, 255).astype(np.uint8)


def _png(pixels: Pixels) -> bytes:
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    return png.getvalue()


def _of_length(waveform: NDArray[np.float32], n_samples: int, random: np.random.Generator) -> NDArray[np.float32]:
    """(n_samples,): its middle, or all of it in the middle of faint noise."""
    if waveform.size >= n_samples:
        start = (waveform.size - n_samples) // 2
        return waveform[start : start + n_samples]
    clip = random.normal(0, CLIP_NOISE, n_samples).astype(np.float32)
    start = (n_samples - waveform.size) // 2
    clip[start : start + waveform.size] += waveform
    return clip


def _wav(waveform: NDArray[np.float32], rate_hz: int) -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, waveform.clip(-1, 1), rate_hz, format="WAV", subtype="PCM_16")
    return wav.getvalue()
