"""Audio bytes to the model's input: one second of mono speech at 8 kHz with the spoken part in its middle.

Accepts WAV and FLAC. What a header claims is compared with the bytes that came before anything is allocated for it.
"""

import io
import math
import struct

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mmdigit.percentiles import percentiles
from schemas.errors import InvalidAudio
from schemas.job import MAX_AUDIO_BYTES
from schemas.printable import printable

SAMPLE_RATE_HZ = 8000  # the telephone's; the Free Spoken Digit Dataset's too
N_SAMPLES = 8000  # 1 s: 99 % of the spoken digits of the training sets are shorter

MIN_RATE_HZ, MAX_RATE_HZ = 8000, 48000
MIN_DURATION_S, MAX_DURATION_S = 0.05, 10.0
SILENCE_PEAK = 5e-4  # of full scale (-66 dB): below it there is nothing but the converter's own noise
SPEECH_RMS = 0.1  # of full scale: the level of the spoken part after normalisation
LEAST_ENERGY = 1e-20  # mean square of a frame: no clip that is let in is so faint, and the gain would overflow
FRAME, HOP = 160, 80  # samples at 8 kHz: 20 ms every 10 ms, for finding the spoken part
WINDOW = N_SAMPLES // HOP  # 100 frames
READ_BLOCK = 8192  # frames read at a time, so that a lying header costs no more than one block
WAV_TAGS = {1, 3, 6, 7, 0xFFFE}  # PCM, float, A-law, mu-law, extensible: no other decoder is ever started
SUBTYPES = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}

Waveform = NDArray[np.float32]


def decode_audio(data: bytes) -> Waveform:
    """One spoken digit, brought to what the model expects.

    data: a WAV or FLAC file, 8-48 kHz, mono or stereo, MIN_DURATION_S to MAX_DURATION_S.
    Returns (N_SAMPLES,), mono at SAMPLE_RATE_HZ, range [-1, 1], the spoken part in the middle at a level of its own.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return place(read_waveform(data))


def read_waveform(data: bytes) -> Waveform:
    """The whole clip as mono at SAMPLE_RATE_HZ.

    Returns (n_samples,), range [-1, 1], of any duration within the limits.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    if len(data) > MAX_AUDIO_BYTES:
        raise InvalidAudio(f"expected at most {MAX_AUDIO_BYTES} bytes of audio, {len(data)} came; send a shorter clip")
    plain = None
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        plain = _plain_wav(data)
    elif data[:4] == b"fLaC":
        _check_flac_claims(data)
    else:
        raise InvalidAudio(f"expected a WAV or FLAC file, {len(data)} bytes of something else came; convert the clip")
    try:
        samples, rate_hz = _read_samples(data) if plain is None else plain
    except InvalidAudio:
        raise
    except Exception as exc:  # libsndfile and its wrapper document no closed set of errors for broken files
        raise InvalidAudio(
            f"expected a whole WAV or FLAC file, a damaged one came "
            f"({type(exc).__name__}: {printable(str(exc), 100)}); send the file again"
        ) from exc
    if plain is None:
        if not bool(np.isfinite(samples).all()):
            raise InvalidAudio("expected finite samples, NaN or infinity came; save the clip as 16-bit PCM")
        # Float files may exceed full scale, by so much that sums overflow.
        samples = samples / max(1.0, float(np.abs(samples).max()))
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    mono -= mono.mean()
    peak = max(float(mono.max()), -float(mono.min()))
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech, silence came (peak {peak:.1e} of full scale, at least {SILENCE_PEAK:.0e} is needed); "
            "record it again, closer to the microphone"
        )
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(mono.clip(-1, 1), np.float32)


def place(waveform: Waveform) -> Waveform:
    """The second that holds most of the speech, the speech in its middle, at a fixed level.

    waveform: (n_samples,), mono at SAMPLE_RATE_HZ. Depends on this clip alone.
    Returns (N_SAMPLES,), range [-1, 1]; all zeros for a clip of nothing.
    """
    clip = np.zeros(N_SAMPLES, np.float32)
    energy = _energy(waveform)
    loudest = float(energy.max())
    if loudest < LEAST_ENERGY:
        return clip
    (noise,) = percentiles(energy[WINDOW : WINDOW + 1 + max(waveform.size - FRAME, 0) // HOP], 10)
    # Speech is within 30 dB of the loudest frame and 6 dB above the clip's own noise.
    threshold = min(max(loudest * 1e-3, noise * 4), loudest * 0.5)
    first = _loudest_window(energy, threshold)
    start = (first - WINDOW) * HOP  # in the waveform; negative: silence before it
    heard = waveform[max(start, 0) : max(start + N_SAMPLES, 0)]
    clip[max(-start, 0) :][: heard.size] = heard
    window = energy[first : first + WINDOW]
    spoken = window[window > threshold]
    peak = float(np.abs(heard).max(initial=0))
    if spoken.size and peak > 0:
        clip *= min(SPEECH_RMS / math.sqrt(spoken.mean()), 1 / peak)
    return clip.clip(-1, 1)


def _energy(waveform: Waveform) -> NDArray[np.float64]:
    """Mean square of each whole frame, (n_frames,), from a second before the waveform to a second after it.

    A frame is two hops long and begins at each hop.
    """
    n_hops = -(-waveform.size // HOP)
    samples = np.zeros((n_hops, HOP))
    samples.reshape(-1)[: waveform.size] = waveform
    hops = np.zeros(n_hops + 2 * WINDOW)
    hops[WINDOW : WINDOW + n_hops] = np.einsum("ij,ij->i", samples, samples)
    return (hops[1:] + hops[:-1])[: waveform.size // HOP + 2 * WINDOW - 1] / FRAME


def _loudest_window(energy: NDArray[np.float64], threshold: float) -> int:
    """The first frame of the WINDOW frames with most energy above the threshold, in decibels."""
    spoken = energy > threshold
    # Whole decibels: integers, so that equally good windows tie exactly and the middle one is taken.
    weight = np.zeros(energy.size + 1, np.int64)
    weight[1:][spoken] = 1 + 10 * np.log10(energy[spoken] / threshold)
    sums = weight.cumsum()
    totals = sums[WINDOW:] - sums[:-WINDOW]
    best = np.flatnonzero(totals == totals.max())
    return int(best[best.size // 2])


class _Bytes(io.BytesIO):
    """BytesIO on which a damaged header's seek before the start fails quietly, as files do in C."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: len(self.getbuffer())}[whence]
        return super().seek(max(0, base + offset))

    def __repr__(self) -> str:
        """As libsndfile's errors name it."""
        return "the clip"


def _read_samples(data: bytes) -> tuple[Waveform, int]:
    """(n_frames, n_channels) in [-1, 1] and the sample rate. Raises InvalidAudio, or whatever libsndfile raises."""
    with soundfile.SoundFile(_Bytes(data)) as sound:
        rate_hz, channels, claimed = sound.samplerate, sound.channels, sound.frames
        if sound.subtype not in SUBTYPES:
            raise InvalidAudio(f"expected PCM or float samples, {sound.subtype} came; save the clip as 16-bit PCM")
        _check_format(rate_hz, channels)
        limit = round(MAX_DURATION_S * rate_hz)
        blocks: list[Waveform] = []
        n_frames = 0
        while n_frames <= limit:
            block = sound.read(READ_BLOCK, dtype="float32", always_2d=True)
            if block.shape[0] == 0:
                break
            blocks.append(block)
            n_frames += block.shape[0]
    if n_frames <= limit and 0 < claimed < 2**62 and n_frames < claimed:
        raise InvalidAudio(f"expected the {claimed} samples that the header claims, {n_frames} came; send it again")
    _check_length(n_frames, rate_hz)
    return np.concatenate(blocks), rate_hz


def _check_length(n_frames: int, rate_hz: int) -> None:
    if n_frames > round(MAX_DURATION_S * rate_hz):
        raise InvalidAudio(f"expected at most {MAX_DURATION_S:g} s of audio, more came; send one digit a clip")
    if n_frames < MIN_DURATION_S * rate_hz:
        raise InvalidAudio(
            f"expected at least {MIN_DURATION_S:g} s of audio, {n_frames / rate_hz:.3f} s came; record the whole digit"
        )


def _check_format(rate_hz: int, channels: int) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InvalidAudio(f"expected {MIN_RATE_HZ}-{MAX_RATE_HZ} Hz, {rate_hz} Hz came; resample the clip")
    if channels not in (1, 2):
        raise InvalidAudio(f"expected mono or stereo, {channels} channels came; mix the clip down to mono")


def _plain_wav(data: bytes) -> tuple[Waveform, int] | None:
    """The samples and their rate of a file of 16-bit PCM, as _read_samples gives them, only sooner; None for
    any other format. Raises InvalidAudio unless every chunk up to the samples lies within the bytes that came.

    Source: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", RIFF.
    """
    place_bytes = 12
    described = pcm16 = False
    rate_hz = channels = 0
    while place_bytes + 8 <= len(data):
        name, size = data[place_bytes : place_bytes + 4], struct.unpack_from("<I", data, place_bytes + 4)[0]
        present = len(data) - place_bytes - 8
        if size > present:
            raise InvalidAudio(
                f"expected a whole WAV file, its {name!r} chunk claims {size} bytes and {present} came; send it again"
            )
        if name == b"fmt ":
            if size < 16:
                raise InvalidAudio(f"expected a WAV format chunk of 16 bytes or more, {size} came; save it again")
            tag, channels, rate_hz, _, align, bits = struct.unpack_from("<HHIIHH", data, place_bytes + 8)
            _check_format(rate_hz, channels)
            if tag not in WAV_TAGS:
                raise InvalidAudio(f"expected PCM or float samples, WAV format {tag} came; save the clip as 16-bit PCM")
            pcm16 = not described and (tag, bits, align) == (1, 16, 2 * channels)
            described = True
        if name == b"data":
            if not described:
                raise InvalidAudio("expected the WAV format before the samples, none came; save the clip again")
            if size == 0:
                raise InvalidAudio("expected samples, a WAV file without any came; record it again")
            if not pcm16:
                return None
            n_frames = size // (2 * channels)
            _check_length(n_frames, rate_hz)
            samples = np.frombuffer(data, "<i2", n_frames * channels, place_bytes + 8)
            return np.asarray(samples / np.float32(32768), np.float32).reshape(n_frames, channels), rate_hz
        place_bytes += 8 + size + size % 2
    raise InvalidAudio("expected a WAV file with samples, one without a data chunk came; record it again")


def _check_flac_claims(data: bytes) -> None:
    """Raises InvalidAudio unless the first block describes a clip within the limits.

    Source: RFC 9639, section 8.2, streaminfo: 20 bits rate, 3 bits channels - 1, 5 bits depth - 1, 36 bits samples.
    """
    if len(data) < 42 or data[4] & 0x7F != 0:
        raise InvalidAudio("expected a FLAC file that begins with its stream info, none came; save the clip again")
    packed = int.from_bytes(data[18:26], "big")
    rate_hz, channels, total = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    _check_format(rate_hz, channels)
    if total == 0:  # a stream's: libsndfile cannot read it in blocks
        raise InvalidAudio("expected a FLAC file that states its length, none came; save the clip again")
    if total > MAX_DURATION_S * rate_hz:
        raise InvalidAudio(
            f"expected at most {MAX_DURATION_S:g} s of audio, {total / rate_hz:.0f} s are claimed; "
            "send one digit a clip"
        )
