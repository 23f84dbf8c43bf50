"""Clips of every rate and format become one second of speech; invalid clips are refused."""

import io
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmdigit.reading.audio.normalize import N_SAMPLES, SPEECH_RMS, decode_audio, read_recording, read_waveform
from schemas.errors import InvalidAudio
from schemas.job import MAX_AUDIO_BYTES
from tests.mmdigit.clips import tone, wav


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 88200, 96000, 176400, 192000])
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_decode_audio_gives_the_same_second_at_every_rate(rate_hz: int, kind: str) -> None:
    clip = decode_audio(wav(tone(0.4, rate_hz), rate_hz, kind))
    assert clip.shape == (N_SAMPLES,)
    assert clip.dtype == np.float32
    assert np.abs(clip).max() <= 1
    reference = decode_audio(wav(tone(0.4)))
    spectrum, expected = (np.abs(np.fft.rfft(samples)) for samples in (clip, reference))
    assert abs(int(spectrum.argmax()) - int(expected.argmax())) <= 1


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_decode_audio_reads_every_sample_format(subtype: str) -> None:
    np.testing.assert_allclose(decode_audio(wav(tone(), subtype=subtype)), decode_audio(wav(tone())), atol=0.03)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "OPUS")])
def test_recordings_may_last_a_minute(kind: str, subtype: str) -> None:
    minute = wav(np.resize(tone(0.5), 60 * 8000), kind=kind, subtype=subtype)
    assert read_recording(minute).size == pytest.approx(60 * 8000, rel=1e-3)
    with pytest.raises(InvalidAudio, match="expected at most 10 s of audio, got more; send one digit a clip"):
        read_waveform(minute)
    longer = wav(np.resize(tone(0.5), 62 * 8000), kind=kind, subtype=subtype)
    with pytest.raises(InvalidAudio, match="expected at most 60 s of audio, got more; cut the recording"):
        read_recording(longer)


def test_silent_recording_is_returned() -> None:
    assert not read_recording(wav(np.zeros(8000))).any()


def test_decode_audio_mixes_stereo_down() -> None:
    both = np.stack([tone(), tone()], axis=1)
    np.testing.assert_allclose(decode_audio(wav(both)), decode_audio(wav(tone())), atol=1e-4)


@pytest.mark.parametrize("level", [0.002, 0.05, 0.9])
def test_decode_audio_normalizes_the_level(level: float) -> None:
    clip = decode_audio(wav(tone(level=level), subtype="FLOAT"))
    np.testing.assert_allclose(clip, decode_audio(wav(tone(level=0.3), subtype="FLOAT")), atol=1e-3)
    assert abs(float(np.sqrt(np.mean(clip[np.abs(clip) > 0] ** 2))) - SPEECH_RMS) < 0.02


@pytest.mark.parametrize("start_s", [0.0, 0.7, 2.5, 3.6])
def test_decode_audio_puts_the_speech_in_the_middle(start_s: float) -> None:
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.001, 4 * 8000)
    start = round(start_s * 8000)
    samples[start : start + 3200] += tone(0.4)
    clip = decode_audio(wav(samples))
    energy = np.square(clip)
    middle = float(np.arange(N_SAMPLES) @ energy / energy.sum())
    assert abs(middle - N_SAMPLES / 2) < 400  # 50 ms


def test_decode_audio_cuts_a_long_word_at_both_ends() -> None:
    clip = decode_audio(wav(tone(3.0)))
    assert np.abs(clip[:100]).max() > 0.05
    assert np.abs(clip[-100:]).max() > 0.05


@given(
    st.integers(0, 2**32 - 1), st.integers(1000, 3000), st.sampled_from([8000, 11025, 16000]), st.sampled_from([1, 2])
)
def test_wav_and_flac_of_the_same_samples_are_equal(seed: int, count: int, rate_hz: int, channels: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, (count, channels)).astype(np.int16)
    read = []
    for kind in ("WAV", "FLAC"):
        file = io.BytesIO()
        soundfile.write(file, samples, rate_hz, "PCM_16", format=kind)
        read.append(read_waveform(file.getvalue()))
    np.testing.assert_allclose(read[0], read[1], rtol=0, atol=1e-6)


def test_decode_audio_scales_floats_beyond_full_scale() -> None:
    np.testing.assert_allclose(
        decode_audio(wav(tone() * 30_000, subtype="FLOAT")), decode_audio(wav(tone(), subtype="FLOAT")), atol=1e-3
    )


def test_decode_audio_does_not_overflow_on_huge_floats() -> None:
    huge = wav(tone() * 1e39 / 3, subtype="FLOAT")
    assert np.isfinite(decode_audio(huge)).all()


def header(data_bytes: int, rate_hz: int = 8000, channels: int = 1, code: int = 1) -> bytes:
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + data_bytes, 2**32 - 1))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, code, channels, rate_hz, rate_hz * channels * 2, channels * 2, 16)
        + b"data"
        + struct.pack("<I", data_bytes)
    )


def flac_claiming(total: int, rate_hz: int = 8000) -> bytes:
    data = bytearray(wav(tone(), kind="FLAC"))
    data[18:26] = (rate_hz << 44 | 0 << 41 | 15 << 36 | total).to_bytes(8, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "got an empty file"),
        (b"OggS" + bytes(100), "expected a WAV, FLAC or Ogg Opus file, got Ogg with another codec"),
        (bytes(MAX_AUDIO_BYTES + 1), "bytes of audio"),
        (header(2**32 - 1) + bytes(1000), "silence"),
        (header(2**32 - 1) + bytes(10), "at least 0.05 s"),
        (header(2**32 - 1) + b"\x10\x20" * 80_001, "at most 10 s"),
        (header(16000)[:12] + b"LIST\xff\xff\xff\x7f" + bytes(100), "got 100 of the 2147483647 bytes"),
        (header(0), "without any"),
        (header(100)[:36], "without a data chunk"),
        (b"RIFF\x00\x00\x00\x00WAVEdata" + struct.pack("<I", 4) + bytes(4), "format before the samples"),
        (header(16000, rate_hz=4000) + bytes(16000), "4000 Hz"),
        (header(16000, rate_hz=192001) + bytes(16000), "192001 Hz"),
        (header(16000, rate_hz=0) + bytes(16000), "0 Hz"),
        (header(16000, channels=6) + bytes(16000), "6 channels"),
        (header(16000, channels=0) + bytes(16000), "0 channels"),
        (header(16000) + bytes(16000), "silence"),
        (header(16000, code=0x11) + b"\x10\x20" * 8000, "got IMA ADPCM; convert it with `ffmpeg"),
        (header(16000, code=0x55) + b"\x10\x20" * 8000, "got MP3; convert"),
        (header(16000, code=0x1234) + b"\x10\x20" * 8000, "got WAV format 4660"),
        (header(400) + b"\x10\x20" * 200, "at least 0.05 s"),
        (wav(tone(10.5)), "at most 10 s"),
        (wav(tone(10.5), kind="FLAC"), "at most 10 s"),
        (wav(tone(), kind="FLAC")[:-300], "damaged"),
        (wav(tone(), kind="FLAC")[:40], "stream info"),
        (wav(np.full(4000, np.nan), subtype="FLOAT"), "NaN or infinity"),
        (wav(np.r_[tone(), np.inf], subtype="DOUBLE"), "NaN or infinity"),
        (wav(np.full(4000, 0.5)), "silence"),
        (wav(tone(level=3e-4), subtype="FLOAT"), "silence"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_decode_audio_refuses_invalid_clips(data: bytes, message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        decode_audio(data)


def test_decode_audio_of_a_lying_header_takes_no_memory() -> None:
    lies = [header(2**32 - 1) + bytes(1000), *map(flac_claiming, (0, 79_999, 2**36 - 1)), wav(tone(), kind="FLAC")[:60]]
    tracemalloc.start()
    try:
        for lie in lies:
            with suppress(InvalidAudio):
                decode_audio(lie)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


VALID = [
    wav(tone(0.1)),
    wav(tone(0.1), kind="FLAC"),
    wav(tone(0.1), subtype="FLOAT"),
    wav(tone(0.1, 16000), 16000, subtype="PCM_24"),
]


def assert_clip_or_invalid(data: bytes) -> None:
    try:
        clip = decode_audio(data)
    except InvalidAudio as error:
        assert "\n" not in str(error)  # noqa: PT017 - raising is not required
        return
    assert clip.shape == (N_SAMPLES,)
    assert clip.dtype == np.float32
    assert np.isfinite(clip).all()
    assert np.abs(clip).max() <= 1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
@example(b"RIFF\x00\x00\x00\x00WAVE")
@example(b"fLaC" + bytes(60))
def test_decode_audio_raises_only_invalid_audio_on_random_bytes(data: bytes) -> None:
    assert_clip_or_invalid(data)
    assert_clip_or_invalid(b"RIFF\xff\xff\xff\xffWAVE" + data)
    assert_clip_or_invalid(header(len(data)) + data)
    assert_clip_or_invalid(b"fLaC" + data)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=5), st.data())
def test_decode_audio_raises_only_invalid_audio_on_damage(
    data: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    cut = more.draw(st.integers(0, len(damaged)))
    assert_clip_or_invalid(bytes(damaged))
    assert_clip_or_invalid(bytes(damaged[:cut]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(400, 30_000), st.floats(0.001, 1.0))
def test_decode_audio_of_any_samples_stays_in_range(seed: int, n_samples: int, level: float) -> None:
    random = np.random.default_rng(seed)
    assert_clip_or_invalid(wav(np.clip(random.normal(0, level, n_samples), -1, 1)))
