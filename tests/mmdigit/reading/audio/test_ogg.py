"""Opus in Ogg: voice notes are read; files of any other structure are refused."""

import struct

import numpy as np
import pytest

from lab.fuzz.containers import ogg_crc
from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.normalize import decode_audio
from mmdigit.reading.audio.ogg import MAX_PAGES
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import ogg_page, tone, wav

TAGS = b"OpusTags" + struct.pack("<I", 1) + b"x" + bytes(4)


def head(channels: int = 1, version: int = 1, family: int = 0) -> bytes:
    return b"OpusHead" + struct.pack("<BBHIhB", version, channels, 312, 48_000, 0, family)


def silence(packets: int) -> list[bytes]:
    """Pages of 20 ms, each with a silent CELT packet."""
    return [ogg_page(0, 2 + number, b"\xf8\xff\xfe", 960 * (number + 1)) for number in range(packets)]


@pytest.mark.parametrize("rate_hz", [8000, 12_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_ogg_voice_notes_are_read(rate_hz: int, channels: int) -> None:
    samples = np.stack([tone(1.0, rate_hz)] * channels, axis=1)
    clip = decode_audio(wav(samples, rate_hz, "OGG", "OPUS"))
    spectrum, expected = (np.abs(np.fft.rfft(waveform)) for waveform in (clip, decode_audio(wav(tone(1.0)))))
    assert abs(int(spectrum.argmax()) - int(expected.argmax())) <= 2


def test_ogg_cut_off_is_read_up_to_its_last_whole_page() -> None:
    whole = wav(tone(5.0, 16_000), 16_000, "OGG", "OPUS")
    samples, rate_hz = read_clip(whole)
    assert len(samples) == 80_000
    for cut in (1, 100, 2000):
        read, _ = read_clip(whole[:-cut])
        assert 3.0 < len(read) / rate_hz < 5.0
        np.testing.assert_allclose(read[:40_000], samples[:40_000], atol=1e-4)


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([ogg_page(2, 0, head(channels=3)), ogg_page(0, 1, TAGS)], "got 3 channels"),
        ([ogg_page(2, 0, head(channels=2, family=1)), ogg_page(0, 1, TAGS)], "2 channels"),
        ([ogg_page(2, 0, head(version=16)), ogg_page(0, 1, TAGS)], "Opus in mono or stereo"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(10), ogg_page(2, 0, head(), stream=8)], "one stream"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(10), ogg_page(2, 0, head())], "one stream"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(MAX_PAGES)], "8192 pages"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(10)[1:]], "all pages of the Ogg file in order"),
        (
            [ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), ogg_page(0, 2, b"\xf8\xff\xfe", 2**35)],
            "all pages of the Ogg file",
        ),
        (
            [ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(5), ogg_page(0, 7, b"\xf8", 960)],
            "all pages of the Ogg file",
        ),
        (
            [ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), ogg_page(0, 2, b"\xf8\xff\xfe", -2)],
            "all pages of the Ogg file",
        ),
        ([ogg_page(2, 0, head(), granule=1), ogg_page(0, 1, TAGS), *silence(10)], "all pages of the Ogg file in order"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS), *silence(600)], "at most 10 s"),
        ([ogg_page(2, 0, head()), ogg_page(0, 1, TAGS)], "damaged|at least 0.05 s"),
        ([ogg_page(2, 0, head())], "damaged"),
        ([ogg_page(2, 0, head())[:40]], "mono or stereo"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ogg_other_than_one_opus_stream_is_refused(pages: list[bytes], message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        read_clip(b"".join(pages))


def test_ogg_with_gain_beyond_full_scale_is_scaled() -> None:
    file = bytearray(wav(tone(), 8000, "OGG", "OPUS"))
    file[28 + 16 : 28 + 18] = struct.pack("<h", 32_000)  # 125 dB
    file[22:26] = bytes(4)
    file[22:26] = ogg_crc(file[: 28 + 19]).to_bytes(4, "little")
    read, _ = read_clip(bytes(file))
    assert 0.99 < np.abs(read).max() <= 1
