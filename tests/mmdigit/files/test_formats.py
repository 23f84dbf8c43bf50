"""Format detection: each format is detected by its first bytes, and both decoders name it with a conversion command."""

import re
import time
from pathlib import Path

import pytest
from PIL import Image

from mmdigit.files.formats import AUDIO_SUFFIXES, FORMATS, HEAD_BYTES, IMAGE_SUFFIXES, describe_unexpected, format_of
from mmdigit.reading.audio.normalize import read_waveform
from mmdigit.reading.image.decode import OPEN
from mmdigit.reading.image.normalize import decode_image
from schemas.errors import InvalidAudio, InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav

CASES = Path(__file__).parents[2] / "cases" / "other-formats"
READ = {*OPEN, "WAV", "FLAC", "Ogg Opus"}
SVG = b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'></svg>"
OGG = b"OggS\0\x02" + bytes(20) + b"\x01\x50"
STARTS: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n", as_bytes(drawn_digit())),
    "JPEG": (b"\xff\xd8\xff\xe0", as_bytes(drawn_digit(), "JPEG")),
    "JPEG-LS": (b"\xff\xd8\xff\xf7",),
    "TIFF": (b"MM\0*\0\0\0", as_bytes(drawn_digit(), "TIFF")),
    "BigTIFF": (b"II+\0\x08\0\0\0",),
    "WebP": (b"RIFF\x10\0\0\0WEBPVP8 ", as_bytes(drawn_digit(), "WEBP")),
    "GIF": (b"GIF89a\1\0\1\0",),
    "BMP": (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",),
    "HEIC": (b"\0\0\0\x18ftypmif1", b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftyphevc"),
    "AVIF": (b"\0\0\0\x20ftypavif",),
    "Canon raw": (b"\0\0\0\x18ftypcrx ",),
    "JPEG 2000": (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    "JPEG XL": (b"\xff\x0a\x10", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "PSD": (b"8BPS\0",),
    "ICO": (b"\0\0\1\0\1\0",),
    "PNM": (b"P5\n28 28\n255\n", b"P7\nWIDTH 28\n"),
    "OpenEXR": (b"v/1\1\2",),
    "JPEG XR": (b"II\xbc\1",),
    "DjVu": (b"AT&TFORM\0\0\0\0DJVU",),
    "DICOM": (bytes(128) + b"DICM",),
    "PDF": (b"%PDF-1.7\n",),
    "PostScript": (b"%!PS-Adobe",),
    "SVG": (SVG, b"\xef\xbb\xbf <SVG>"),
    "WAV": (b"RIFF\x10\0\0\0WAVEfmt ", b"BW64\x10\0\0\0WAVEds64"),
    "RIFX (big-endian WAV)": (b"RIFX\0\0\0\0WAVE",),
    "FLAC": (b"fLaC\0",),
    "Ogg Opus": (wav(tone(), kind="OGG", subtype="OPUS"),),
    "Ogg Vorbis": (wav(tone(), kind="OGG", subtype="VORBIS"),),
    "FLAC in Ogg": (OGG + b"\x7fFLAC",),
    "Speex in Ogg": (OGG + b"Speex   ",),
    "Ogg with another codec": (OGG + b"theora  ",),
    "WebM (browser recording, often Opus)": (b"\x1a\x45\xdf\xa3\x01",),
    "M4A (MP4, usually AAC)": (b"\0\0\0\x1cftypM4A ", b"\0\0\0\x20ftypisom"),
    "3GP (phone recording)": (b"\0\0\0\x18ftyp3gp4",),
    "QuickTime": (b"\0\0\0\x14ftypqt  ",),
    "AMR (phone recording)": (b"#!AMR\n", b"#!AMR-WB\n"),
    "SILK (messenger voice note)": (b"\x02#!SILK_V3",),
    "CAF (Apple Core Audio)": (wav(tone(), kind="CAF"),),
    "AIFF": (wav(tone(), kind="AIFF"), b"FORM\0\0\0\0AIFC"),
    "AU (Sun)": (wav(tone(), kind="AU"), b"dns.\0"),
    "WMA (Windows Media)": (bytes.fromhex("3026b2758e66cf11"),),
    "Wave64 (Sony)": (wav(tone(), kind="W64"),),
    "AVI": (b"RIFF\0\0\0\0AVI LIST",),
    "NIST SPHERE": (b"NIST_1A\n",),
    "Creative Voice": (b"Creative Voice File\x1a",),
    "WavPack": (b"wvpk\0",),
    "Monkey's Audio": (b"MAC \x96",),
    "AC-3": (b"\x0b\x77\0",),
    "AAC": (b"\xff\xf1\x50\x80", b"ADIF"),
    "MP3": (
        wav(tone(), kind="MP3", subtype="MPEG_LAYER_III"),
        b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"\xff\xfb\x90",
        b"\xff\xfd\x90",
    ),
    "MIDI (notes without audio)": (b"MThd\0",),
    "ZIP (a compressed archive)": (b"PK\3\4\x14",),
    "gzip (a compressed archive)": (b"\x1f\x8b\x08",),
    "bzip2 (a compressed archive)": (b"BZh9",),
    "xz (a compressed archive)": (b"\xfd7zXZ\0",),
    "Zstandard (a compressed archive)": (b"\x28\xb5\x2f\xfd",),
    "7z (a compressed archive)": (b"7z\xbc\xaf\x27\x1c\0",),
    "RAR (a compressed archive)": (b"Rar!\x1a\x07\1",),
    "NumPy array": (b"\x93NUMPY\1",),
    "data URL (base64 text)": (b"data:image/png;base64,iVBO", b"data:audio/wav;base64,UklGRg=="),
    "base64 text": (b"iVBORw0KGgoAAAA", b"UklGRiQ+AABXQVZF"),
    "Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1",),
    "HTML (a web page)": (b"\n<!doctype html><html>", b"\n<html>", b"<?xml version='1.0'?><!-- a --><html>"),
    "XML": (b"<?xml version='1.0'?><digits/>",),
    "JSON": (b'{"error": "not found"}',),
}


def test_formats_all_have_a_sample_here() -> None:
    assert STARTS.keys() == {each.name for each in FORMATS}
    assert {each.name for each in FORMATS if not each.command and each.kind != "other"} == READ


@pytest.mark.parametrize("name", STARTS)
def test_describe_unexpected_names_each_format(name: str) -> None:
    for start in STARTS[name]:
        data = start + bytes(100)
        found = format_of(data)
        assert found is not None
        assert found.name == name
        command = f"`{re.escape(found.command)}`$" if found.command else ""
        if name not in OPEN:
            with pytest.raises(InvalidImage, match=f"^expected a PNG, .*, got {re.escape(name)}[;,] .*{command}"):
                decode_image(data)
        if name not in READ - OPEN.keys():
            with pytest.raises(InvalidAudio, match=f"^expected a WAV, .*, got {re.escape(name)}[;,] .*{command}"):
                read_waveform(data)


def test_audio_commands_write_another_file() -> None:
    for each in FORMATS:
        if each.kind == "audio" and each.command:
            _, source, target = re.split(r"ffmpeg -i | -ac 1 ", each.command)
            assert target.endswith(".wav")
            assert source != target


@pytest.mark.parametrize(
    ("name", "as_image", "as_audio"),
    [
        ("p.heic", "HEIC; convert it with `magick in.heic out.png`",
         "HEIC, an image; send it as image, converted with `magick in.heic out.png`"),
        ("phone.m4a",
         "M4A (MP4, usually AAC), an audio clip; send it as audio, converted with `ffmpeg -i clip.m4a -ac 1 clip.wav`",
         "M4A (MP4, usually AAC); convert it with `ffmpeg -i clip.m4a -ac 1 clip.wav`"),
        ("browser_webm_named.wav",
         "WebM (browser recording, often Opus), an audio clip; send it as audio, converted with "
         "`ffmpeg -i clip.webm -ac 1 clip.wav`",
         "WebM (browser recording, often Opus); convert it with `ffmpeg -i clip.webm -ac 1 clip.wav`"),
    ],
)  # fmt: skip
def test_decoders_name_other_formats_with_a_command(name: str, as_image: str, as_audio: str) -> None:
    data = (CASES / name).read_bytes()
    with pytest.raises(InvalidImage) as not_read:
        decode_image(data)
    assert str(not_read.value) == f"expected a PNG, JPEG, TIFF or WebP file or 784 raw bytes, got {as_image}"
    with pytest.raises(InvalidAudio) as not_heard:
        read_waveform(data)
    assert str(not_heard.value) == f"expected a WAV, FLAC or Ogg Opus file, got {as_audio}"


@pytest.mark.parametrize(
    ("data", "as_image", "as_audio"),
    [
        (b"", "an empty file; send the image again", "an empty file; send the clip again"),
        (b"hello", "5 bytes of an unknown format; convert the image with `magick IMAGE out.png`",
         "5 bytes of an unknown format; convert the clip with `ffmpeg -i CLIP -ac 1 clip.wav`"),
        (b"fLaC\0", "FLAC, an audio clip; send it as audio", None),
        (b"\x89PNG\r\n\x1a\n", None, "PNG, an image; send it as image"),
        (b"<html>", "HTML (a web page); send the image itself", "HTML (a web page); send the clip itself"),
        (b"PK\3\4", "ZIP (a compressed archive); send the image itself: `unzip in.zip`",
         "ZIP (a compressed archive); send the clip itself: `unzip in.zip`"),
    ],
)  # fmt: skip
def test_describe_unexpected_says_what_to_do(data: bytes, as_image: str | None, as_audio: str | None) -> None:
    assert as_image is None or describe_unexpected(data, "image") == f"got {as_image}"
    assert as_audio is None or describe_unexpected(data, "audio") == f"got {as_audio}"


@pytest.mark.parametrize("part", [b"<!---->", b"<!--", b"<?xml>", b"<!DOCTYPE svg>", b" ", b"P5 ", b"OggS\x01vorbi"])
def test_format_of_is_fast_for_any_start(part: bytes) -> None:
    started = time.process_time()
    format_of(part * HEAD_BYTES)
    assert time.process_time() - started < 1  # takes 0.1 ms


def test_suffixes_belong_to_supported_formats() -> None:
    assert {Image.registered_extensions()[suffix].replace("MPO", "JPEG") for suffix in IMAGE_SUFFIXES} == {
        name.upper() for name in OPEN
    }
    for suffix in AUDIO_SUFFIXES:
        kind, subtype = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16")}.get(suffix, ("OGG", "OPUS"))
        assert read_waveform(wav(tone(), kind=kind, subtype=subtype)).size == 4000
