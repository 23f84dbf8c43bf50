"""What a file is that is no clip, and the command that converts it."""

import re

import pytest

from mmdigit.audio import read_waveform
from mmdigit.sound_formats import AUDIO_SUFFIXES
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav

NAMED = {
    "WebM": b"\x1a\x45\xdf\xa3\x01" + bytes(60),
    "M4A": b"\0\0\0\x1cftypM4A " + bytes(60),
    "M4A ": b"\0\0\0\x20ftypisom" + bytes(60),
    "3GP": b"\0\0\0\x18ftyp3gp4" + bytes(60),
    "QuickTime": b"\0\0\0\x14ftypqt  " + bytes(60),
    "AMR": b"#!AMR\n" + bytes(60),
    "AMR ": b"#!AMR-WB\n" + bytes(60),
    "CAF": wav(tone(), kind="CAF"),
    "AIFF": wav(tone(), kind="AIFF"),
    "AU": wav(tone(), kind="AU"),
    "Wave64": wav(tone(), kind="W64"),
    "MP3": wav(tone(), kind="MP3", subtype="MPEG_LAYER_III"),
    "MP3 ": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"\xff\xfb\x90" + bytes(60),
    "AAC": b"\xff\xf1\x50\x80" + bytes(60),
    "WMA": bytes.fromhex("3026b2758e66cf11") + bytes(60),
    "Ogg Vorbis": wav(tone(), kind="OGG", subtype="VORBIS"),
    "FLAC in Ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x33\x7fFLAC" + bytes(60),
    "Speex in Ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x50Speex   " + bytes(60),
    "Ogg of another codec": b"OggS\0\x02" + bytes(20) + b"\x01\x50theora  " + bytes(60),
    "SILK": b"\x02#!SILK_V3" + bytes(60),
    "RIFX": b"RIFX\0\0\0\0WAVE" + bytes(60),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_format_is_named_with_one_command_that_converts_it(name: str) -> None:
    with pytest.raises(InvalidAudio) as raised:
        read_waveform(NAMED[name])
    message = str(raised.value)
    assert message.startswith(f"expected a WAV, FLAC or Ogg Opus file, got {name.strip()}")
    command = re.search(r"`ffmpeg -i clip\.(\w+) -ac 1 (.*)`$", message)
    assert command is not None
    assert command[2].endswith(".wav")
    assert f"clip.{command[1]}" != command[2]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (as_bytes(drawn_digit()), "a picture"),
        (as_bytes(drawn_digit(), "JPEG"), "a picture"),
        (as_bytes(drawn_digit(), "WEBP"), "a picture"),
        (as_bytes(drawn_digit(), "TIFF"), "a picture"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "a picture"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\n<html>", "a web page"),
        (b"UklGRiQ+AABXQVZF", "base64 text"),
        (b"data:audio/wav;base64,UklGRg==", "base64 text"),
        (b"PK\x03\x04" + bytes(60), "a compressed archive"),
        (b"MThd" + bytes(60), "a MIDI file"),
        (b"hello", "5 bytes of something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_sound_is_named(data: bytes, what: str) -> None:
    with pytest.raises(InvalidAudio, match=f"got {what}"):
        read_waveform(data)


def test_a_file_of_each_suffix_is_read() -> None:
    for suffix in AUDIO_SUFFIXES:
        kind, subtype = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16")}.get(suffix, ("OGG", "OPUS"))
        assert read_waveform(wav(tone(), kind=kind, subtype=subtype)).size == 4000
