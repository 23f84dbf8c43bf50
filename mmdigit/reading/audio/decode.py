"""Decodes WAV, FLAC and Ogg Opus files to samples, in bounded memory and time whatever their headers declare."""

import io
import itertools

import soundfile  # type: ignore[import-untyped]

from mmdigit.files.formats import describe_unexpected
from mmdigit.reading.audio.flac import declared_length, flac_format, flac_lengths, with_length
from mmdigit.reading.audio.limits import (
    ONE_DIGIT,
    ClipLimits,
    Samples,
    check_format,
    check_length,
    within_full_scale,
)
from mmdigit.reading.audio.ogg import OPUS_HEAD, opus_pages
from mmdigit.reading.audio.wav import WAV_STARTS, read_wav
from schemas.errors import InvalidAudio
from schemas.printable import printable

_SUBTYPES = {"PCM_S8", "PCM_16", "PCM_24", "PCM_32", "OPUS"}


def read_clip(data: bytes, limits: ClipLimits = ONE_DIGIT) -> tuple[Samples, int]:
    """Decode a clip. Returns the samples, (n_frames, n_channels) in [-1, 1], and their rate in Hz.

    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    if len(data) > limits.max_bytes:
        raise InvalidAudio(f"expected at most {limits.max_bytes} bytes of audio, got {len(data)}; send a shorter clip")
    if data[:3] == b"ID3":
        data = _skip_id3(data)
    if data[:4] in WAV_STARTS and data[8:12] == b"WAVE":
        return read_wav(data, limits)
    if data[:4] == b"fLaC":
        return _read_flac(data, limits)
    if data[:4] == b"OggS" and data[28:36] == OPUS_HEAD:
        samples, rate_hz = _decode_with_libsndfile(opus_pages(data, limits), limits)
        return within_full_scale(samples), rate_hz
    raise InvalidAudio(f"expected a WAV, FLAC or Ogg Opus file, {describe_unexpected(data, 'audio')}")


def _skip_id3(data: bytes) -> bytes:
    """The FLAC or WAV file after an ID3 tag, which some programs write; other data are returned unchanged."""
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    rest = data[10 + size + (10 if data[5:6] >= b"\x10" and data[5] & 0x10 else 0) :]
    return rest if rest.startswith((b"fLaC", *WAV_STARTS)) else data


def _read_flac(data: bytes, limits: ClipLimits) -> tuple[Samples, int]:
    """A FLAC file up to its last whole frame, whatever length it declares."""
    rate_hz, _ = flac_format(data)
    declared, failed = declared_length(data), None
    for length in dict.fromkeys(itertools.chain(flac_lengths(data), [declared] if declared else [])):
        check_length(length, rate_hz, limits)
        try:
            whole = data if length == declared else with_length(data, length)
            samples, rate_hz = _decode_with_libsndfile(whole, limits)
            if len(samples) == length:
                return samples, rate_hz
            raise InvalidAudio(f"expected {length} samples in the FLAC file, got {len(samples)}; send the file again")
        except InvalidAudio as error:  # if the last frame is cut off, the one before it may be whole
            failed = failed or error
    raise failed or InvalidAudio("expected a FLAC file with samples, got one without any; send the file again")


def _decode_with_libsndfile(data: bytes, limits: ClipLimits) -> tuple[Samples, int]:
    """As read_clip, for a file whose declared length has been checked. Raises InvalidAudio."""
    try:
        with soundfile.SoundFile(_Bytes(data)) as file:
            rate_hz, channels = file.samplerate, file.channels
            if file.subtype not in _SUBTYPES:
                raise InvalidAudio(f"expected PCM samples, got {printable(file.subtype)}; save the clip as 16-bit PCM")
            check_format(rate_hz, channels)
            samples = file.read(limits.max_frames(rate_hz) + 1, dtype="float32", always_2d=True)
    except InvalidAudio:
        raise
    except Exception as exc:  # libsndfile and its wrapper document no closed set of errors for broken files
        raise InvalidAudio(
            f"expected a whole FLAC or Ogg Opus file, got a damaged one "
            f"({type(exc).__name__}: {printable(str(exc), 100)}); send the file again"
        ) from exc
    check_length(samples.shape[0], rate_hz, limits)
    return samples, rate_hz


class _Bytes(io.BytesIO):
    """BytesIO that, like a C file, does not raise when a damaged header seeks before the start."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: len(self.getbuffer())}[whence]
        return super().seek(max(0, base + offset))

    def __repr__(self) -> str:
        """The name in libsndfile's errors."""
        return "the clip"
