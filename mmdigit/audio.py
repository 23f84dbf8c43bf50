"""Audio bytes to the model's input: one second of mono speech at 8 kHz with the spoken part in its middle.

Accepts WAV and FLAC. What a header claims is compared with the bytes that came before anything is allocated for it.
"""

import io
import struct
from collections.abc import Sequence

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

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
    mono -= np.add.reduce(mono) / mono.size  # the mean; numpy's own costs as much again for so few
    peak = _peak(mono)
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech, silence came (peak {peak:.1e} of full scale, at least {SILENCE_PEAK:.0e} is needed); "
            "record it again, closer to the microphone"
        )
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
        peak = _peak(mono)
    return np.asarray(mono if peak <= 1 else mono.clip(-1, 1), np.float32)


def place(waveform: Waveform) -> Waveform:
    """The second that holds most of the speech, the speech in its middle, at a fixed level.

    waveform: (n_samples,), mono at SAMPLE_RATE_HZ.
    Returns (N_SAMPLES,), range [-1, 1]; all zeros for a clip of nothing.
    """
    (clip,) = place_each([waveform])
    return clip


def place_each(waveforms: Sequence[Waveform]) -> list[Waveform]:
    """As place, of each waveform as if it were alone; for 32 of them that takes a fifth of the time a clip."""
    clips = np.zeros((len(waveforms), N_SAMPLES), np.float32)
    if not waveforms:
        return []
    sizes = np.array([waveform.size for waveform in waveforms])
    energy = _energy(waveforms)  # (B, n_frames)
    loudest = energy.max(axis=1)
    # Speech is within 30 dB of the loudest frame and 6 dB above the clip's own noise.
    noise = _noise(energy, sizes)
    threshold = np.minimum(np.maximum(loudest * 1e-3, noise * 4), loudest * 0.5)[:, None]
    first = _loudest_window(energy, threshold, sizes)
    windows = np.take_along_axis(energy, first[:, None] + np.arange(WINDOW), axis=1)
    spoken = windows > threshold
    level = np.sqrt((windows * spoken).sum(axis=1) / np.maximum(spoken.sum(axis=1), 1))
    starts = (first - WINDOW) * HOP  # in the waveform; negative: silence before it
    audible = (loudest >= LEAST_ENERGY).tolist()
    for clip, waveform, heard_at_all, start, rms in zip(
        clips, waveforms, audible, starts.tolist(), level.tolist(), strict=True
    ):
        heard = waveform[max(start, 0) : max(start + N_SAMPLES, 0)]
        peak = _peak(heard)
        if not heard_at_all or peak == 0:
            continue
        gain = min(SPEECH_RMS / rms, 1 / peak) if rms > 0 else 1.0
        begin = max(-start, 0)
        placed = np.multiply(heard, np.float32(gain), out=clip[begin : begin + heard.size])
        if gain * peak > 0.999:  # rounding may have gone beyond full scale
            placed.clip(-1, 1, out=placed)
    return list(clips)


def _peak(waveform: Waveform) -> float:
    """The largest magnitude, 0 of nothing."""
    return max(float(np.maximum.reduce(waveform, initial=0)), -float(np.minimum.reduce(waveform, initial=0)))


def _energy(waveforms: Sequence[Waveform]) -> NDArray[np.float64]:
    """Mean square of each frame, (B, n_frames), from a second before each waveform to a second after the longest.

    A frame is two hops long and begins at each hop.
    """
    hops = np.zeros((len(waveforms), max(-(-waveform.size // HOP) for waveform in waveforms) + 2 * WINDOW))
    for row, waveform in zip(hops, waveforms, strict=True):
        n_hops = -(-waveform.size // HOP)
        samples = np.zeros((n_hops, HOP))
        samples.reshape(-1)[: waveform.size] = waveform
        np.vecdot(samples, samples, out=row[WINDOW : WINDOW + n_hops])
    return (hops[:, 1:] + hops[:, :-1]) / FRAME


def _noise(energy: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The tenth percentile of each clip's whole frames, (B,). sizes: (B,), in samples."""
    last = np.maximum(sizes - FRAME, 0) // HOP
    frames = energy[:, WINDOW : WINDOW + 1 + int(last.max())]
    frames = np.where(np.arange(frames.shape[1]) <= last[:, None], frames, np.inf)
    frames.sort(axis=1)
    place = 10 / 100 * last
    below = place.astype(np.int64)
    rows = np.arange(sizes.size)
    low, high = frames[rows, below], frames[rows, np.minimum(below + 1, last)]
    return np.asarray(low + (high - low) * (place - below), np.float64)


def _loudest_window(
    energy: NDArray[np.float64], threshold: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The first of the WINDOW frames with most energy above the threshold, in decibels, of each clip: (B,).

    threshold: (B, 1); sizes: (B,), in samples.
    """
    spoken = energy > threshold
    # Whole decibels: integers, so that equally good windows tie exactly and the middle one is taken.
    weight = np.zeros((energy.shape[0], energy.shape[1] + 1), np.int64)
    loud = np.log10(energy[spoken] / np.broadcast_to(threshold, energy.shape)[spoken])
    weight[:, 1:][spoken] = 1 + 10 * loud
    sums = weight.cumsum(axis=1)
    totals = sums[:, WINDOW:] - sums[:, :-WINDOW]
    # Windows that begin behind a clip's last frame are those of longer clips.
    totals[np.arange(totals.shape[1]) > sizes[:, None] // HOP + WINDOW - 1] = -1
    rows, best = np.nonzero(totals == totals.max(axis=1, keepdims=True))
    count = np.bincount(rows)
    return np.asarray(best[count.cumsum() - count + count // 2], np.int64)


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
