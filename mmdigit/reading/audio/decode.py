"""Sound files to samples: WAV, FLAC and Ogg Opus, bounded in memory and time whatever they claim."""

import io
import itertools

import soundfile  # type: ignore[import-untyped]

from mmdigit.files.formats import describe_unexpected
from mmdigit.reading.audio.flac import claimed_length, flac_format, flac_lengths, with_length
from mmdigit.reading.audio.limits import Samples, check_format, check_length, most_frames, within_full_scale
from mmdigit.reading.audio.ogg import OPUS_HEAD, opus_pages
from mmdigit.reading.audio.wav import WAV_STARTS, read_wav
from schemas.errors import InvalidAudio
from schemas.job import MAX_AUDIO_BYTES
from schemas.printable import printable

_SUBTYPES = {"PCM_S8", "PCM_16", "PCM_24", "PCM_32", "OPUS"}


def read_clip(data: bytes) -> tuple[Samples, int]:
    """The samples, (n_frames, n_channels) in [-1, 1], and their rate in Hz.

    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    if len(data) > MAX_AUDIO_BYTES:
        raise InvalidAudio(f"expected at most {MAX_AUDIO_BYTES} bytes of audio, got {len(data)}; send a shorter clip")
    if data[:3] == b"ID3":
        data = _without_tag(data)
    if data[:4] in WAV_STARTS and data[8:12] == b"WAVE":
        return read_wav(data)
    if data[:4] == b"fLaC":
        return _read_flac(data)
    if data[:4] == b"OggS" and data[28:36] == OPUS_HEAD:
        samples, rate_hz = _read_samples(opus_pages(data))
        return within_full_scale(samples), rate_hz
    raise InvalidAudio(f"expected a WAV, FLAC or Ogg Opus file, {describe_unexpected(data, 'audio')}")


def _without_tag(data: bytes) -> bytes:
    """The file behind an ID3 tag, which some programs put before a FLAC or WAV file too; an MP3 file stays as it is."""
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    rest = data[10 + size + (10 if data[5:6] >= b"\x10" and data[5] & 0x10 else 0) :]
    return rest if rest.startswith((b"fLaC", *WAV_STARTS)) else data


def _read_flac(data: bytes) -> tuple[Samples, int]:
    """A FLAC file up to its last whole frame, however long it claims to be."""
    rate_hz, _ = flac_format(data)
    claimed, failed = claimed_length(data), None
    for length in dict.fromkeys(itertools.chain(flac_lengths(data), [claimed] if claimed else [])):
        check_length(length, rate_hz)
        try:
            samples, rate_hz = _read_samples(data if length == claimed else with_length(data, length))
            if len(samples) == length:
                return samples, rate_hz
            raise InvalidAudio(f"expected {length} samples in the FLAC file, got {len(samples)}; send the file again")
        except InvalidAudio as error:  # its last frame is cut, perhaps: the one before it may be whole
            failed = failed or error
    raise failed or InvalidAudio("expected a FLAC file with samples, got one without any; send the file again")


def _read_samples(data: bytes) -> tuple[Samples, int]:
    """What libsndfile makes of a file whose claims have been checked. Raises InvalidAudio."""
    try:
        with soundfile.SoundFile(_Bytes(data)) as sound:
            rate_hz, channels = sound.samplerate, sound.channels
            if sound.subtype not in _SUBTYPES:
                raise InvalidAudio(f"expected PCM samples, got {printable(sound.subtype)}; save the clip as 16-bit PCM")
            check_format(rate_hz, channels)
            samples = sound.read(most_frames(rate_hz) + 1, dtype="float32", always_2d=True)
    except InvalidAudio:
        raise
    except Exception as exc:  # libsndfile and its wrapper document no closed set of errors for broken files
        raise InvalidAudio(
            f"expected a whole FLAC or Ogg Opus file, got a damaged one "
            f"({type(exc).__name__}: {printable(str(exc), 100)}); send the file again"
        ) from exc
    check_length(samples.shape[0], rate_hz)
    return samples, rate_hz


class _Bytes(io.BytesIO):
    """BytesIO on which a damaged header's seek before the start fails quietly, as files do in C."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: len(self.getbuffer())}[whence]
        return super().seek(max(0, base + offset))

    def __repr__(self) -> str:
        """As libsndfile's errors name it."""
        return "the clip"
