"""Reads one digit at a time from files, bytes or arrays: what `mmdigit.load()` returns."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_start
from mmdigit.reading.arrays import read_clip_samples, read_pixels
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, decode_audio
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import Predictor
from schemas.errors import DataError
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.prediction import Answer
from schemas.printable import printable

Media = bytes | str | os.PathLike[str] | NDArray[Any]
"""An image or a clip: the content of a file, its path, or an array."""


class DigitReader:
    """Reads one digit from an image, a clip or both; mmdigit.load makes one. For batches, see Predictor."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(
        self, image: Media | None = None, audio: Media | None = None, *, sample_rate_hz: int = SAMPLE_RATE_HZ
    ) -> Answer:
        """Read one digit that was written, spoken or both.

        image: the content or the path of a PNG, JPEG, TIFF or WebP file; or pixels, (height, width), or
        (height, width, 3 or 4) for RGB or RGBA, uint8, or floats in [0, 1].
        audio: the content or the path of a WAV, FLAC or Ogg Opus file; or samples, (n_samples,), or (n_samples, 2) for
        stereo, floats in [-1, 1], int16 or int32.
        sample_rate_hz: of an array, range [8,000, 192,000], by default 8,000; a file states its own.
        Raises InvalidImage or InvalidAudio if the content cannot be decoded, DataError if a file cannot be read,
        ValueError if both image and audio are None, TypeError for any other type.
        """
        digit = None if image is None else _read_image(image)
        waveform = None if audio is None else _read_audio(audio, sample_rate_hz)
        return self.predictor.predict([ModelInput.of(digit, waveform)])[0]


def load(
    weights: str | os.PathLike[str] | None = None, *, threads: int = 1, target_error: float = DEFAULT_TARGET_ERROR
) -> DigitReader:
    """Load a model and return a reader of single digits. It takes a fraction of a second: load once, predict often.

    weights: an exported model, NAME.onnx with NAME.json beside it; None = the shipped model.
    threads, target_error, errors: as for Predictor.load.
    """
    path = None if weights is None else Path(weights)
    return DigitReader(Predictor.load(path, threads=threads, target_error=target_error))


def file_content(path: Path, max_bytes: int) -> bytes:
    """At most max_bytes of a file, and one more byte of a larger one, for the decoder to refuse. Raises DataError."""
    try:
        return read_start(path, max_bytes)
    except OSError as exc:
        raise DataError(
            f"expected a file at {printable(str(path), 200)}, got an error ({exc.strerror}); check the path"
        ) from exc


def decode_files(image: Path | None, audio: Path | None) -> ModelInput:
    """Decode the files of one sample. Raises DataError for one that cannot be read, and as decode_input does."""
    return decode_input(
        None if image is None else file_content(image, MAX_IMAGE_BYTES),
        None if audio is None else file_content(audio, MAX_AUDIO_BYTES),
    )


def _read_image(image: Media) -> Digit:
    if isinstance(image, np.ndarray):
        return read_pixels(image)
    return read_digit(*read_image(_content("image", image, MAX_IMAGE_BYTES)))


def _read_audio(audio: Media, sample_rate_hz: int) -> Waveform:
    if isinstance(audio, np.ndarray):
        return read_clip_samples(audio, sample_rate_hz)
    return decode_audio(_content("audio", audio, MAX_AUDIO_BYTES))


def _content(name: str, source: bytes | str | os.PathLike[str], max_bytes: int) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return file_content(Path(source), max_bytes)
    raise TypeError(
        f"expected {name} as bytes, a path or a numpy array, got {type(source).__name__}; "
        "pass the file's content or its path"
    )
