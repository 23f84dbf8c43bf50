"""What a file is, told by its first bytes, and the command that turns it into one that is read.

A new format is one line in FORMATS. Source of the numbers: each format's specification; the `file` program's database.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LOOKED_AT = 1024
"""Bytes at a file's start that tell what it is."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".tif", ".tiff", ".webp"})
"""File names, in lower case, of the pictures that are read."""

Kind = Literal["picture", "sound", "other"]


@dataclass(frozen=True)
class Format:
    """One file format. command: turns it into a PNG or a WAV file; empty = no program does."""

    name: str
    kind: Kind
    command: str
    matches: Callable[[bytes], bool]


def format_of(data: bytes) -> Format | None:
    """The format of a file with that content; None if it is unknown."""
    head = data[:LOOKED_AT]
    return next((each for each in FORMATS if each.matches(head)), None)


def _starts(*magic: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic, at)


def _like(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda head: re.match(pattern, head, re.DOTALL | re.IGNORECASE) is not None


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """ISO base media file format (ISO 14496-12): the box `ftyp` names what the file is."""
    return lambda head: head.startswith(b"ftyp", 4) and (not brands or head.startswith(brands, 8))


def _magick(suffix: str) -> str:
    return f"magick in.{suffix} out.png"


def _ffmpeg(suffix: str) -> str:
    return f"ffmpeg -i in.{suffix} out.wav"


_BEFORE_TEXT = rb"(\xef\xbb\xbf)?\s*"

FORMATS: tuple[Format, ...] = (
    Format("PNG", "picture", "", _starts(b"\x89PNG\r\n\x1a\n")),
    Format("JPEG-LS", "picture", _magick("jls"), _starts(b"\xff\xd8\xff\xf7")),
    Format("JPEG", "picture", _magick("jpg"), _starts(b"\xff\xd8\xff")),
    Format("TIFF", "picture", _magick("tif"), _starts(b"II*\0", b"MM\0*")),
    Format("BigTIFF", "picture", _magick("tif"), _starts(b"II+\0", b"MM\0+")),
    Format("WebP", "picture", _magick("webp"), _like(rb"RIFF....WEBP")),
    Format("GIF", "picture", "magick 'in.gif[0]' out.png", _starts(b"GIF87a", b"GIF89a")),
    Format("BMP", "picture", _magick("bmp"), _like(rb"BM....\0\0\0\0..\0\0")),
    Format("AVIF", "picture", _magick("avif"), _brand(b"avif", b"avis")),
    Format(
        "HEIC", "picture", _magick("heic"),
        _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    ),
    Format("Canon raw", "picture", "darktable-cli in.cr3 out.png", _brand(b"crx ")),
    Format("JPEG 2000", "picture", _magick("jp2"), _starts(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    Format("JPEG XL", "picture", _magick("jxl"), _starts(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    Format("PSD", "picture", "magick 'in.psd[0]' out.png", _starts(b"8BPS")),
    Format("ICO", "picture", "magick 'in.ico[0]' out.png", _like(rb"\0\0[\1\2]\0[^\0]\0")),
    Format("PNM", "picture", _magick("pnm"), _like(rb"P[1-7f]\s+[\d#WIDTH]")),
    Format("OpenEXR", "picture", _magick("exr"), _starts(b"v/1\x01")),
    Format("JPEG XR", "picture", _magick("jxr"), _starts(b"II\xbc")),
    Format("DjVu", "picture", "ddjvu -format=tiff -page=1 in.djvu out.tif", _starts(b"AT&TFORM")),
    Format("DICOM", "picture", "dcm2img +on in.dcm out.png", _starts(b"DICM", at=128)),
    Format("PDF", "picture", "pdftoppm -png -r 200 in.pdf out", _like(_BEFORE_TEXT + rb"%PDF-")),
    Format("PostScript", "picture", "magick -density 200 in.ps out.png", _starts(b"%!PS")),
    Format(
        "SVG", "picture", "rsvg-convert -w 500 in.svg -o out.png",
        _like(_BEFORE_TEXT + rb"(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*<svg\b"),
    ),
    Format("WAV", "sound", _ffmpeg("wav"), _like(rb"(RIFF|RIFX|RF64)....WAVE")),
    Format("FLAC", "sound", _ffmpeg("flac"), _starts(b"fLaC")),
    Format("Ogg", "sound", _ffmpeg("ogg"), _starts(b"OggS")),
    Format("WebM", "sound", _ffmpeg("webm"), _starts(b"\x1aE\xdf\xa3")),
    Format("M4A", "sound", _ffmpeg("m4a"), _brand(b"M4A ", b"M4B ")),
    Format("MP4", "sound", _ffmpeg("mp4"), _brand()),
    Format("AIFF", "sound", _ffmpeg("aiff"), _like(rb"FORM....AIF[FC]")),
    Format("CAF", "sound", _ffmpeg("caf"), _starts(b"caff")),
    Format("AMR", "sound", _ffmpeg("amr"), _starts(b"#!AMR")),
    Format("AU", "sound", _ffmpeg("au"), _starts(b".snd")),
    Format("WMA", "sound", _ffmpeg("wma"), _starts(b"0&\xb2u\x8ef\xcf\x11")),
    Format("AAC", "sound", _ffmpeg("aac"), _like(rb"\xff[\xf0\xf1\xf8\xf9]")),
    Format("MP3", "sound", _ffmpeg("mp3"), _like(rb"ID3[\2-\4]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")),
    Format("ZIP", "other", "unzip in.zip", _starts(b"PK\3\4", b"PK\5\6")),
    Format("gzip", "other", "gunzip in.gz", _starts(b"\x1f\x8b")),
    Format("7z", "other", "7z x in.7z", _starts(b"7z\xbc\xaf\x27\x1c")),
    Format("RAR", "other", "7z x in.rar", _starts(b"Rar!\x1a\x07")),
    Format("NumPy array", "other", "", _starts(b"\x93NUMPY")),
    Format("data URL", "other", "sed 's/^[^,]*,//' in.txt | base64 -d > out", _like(rb"data:[\w/+.-]*[;,]")),
    Format("base64", "other", "base64 -d in.txt > out", _starts(b"iVBORw0KGgo", b"/9j/", b"UklGR", b"SUkqA", b"ZkxhQ")),
    Format("Git LFS pointer", "other", "git lfs pull", _starts(b"version https://git-lfs")),
    Format(
        "HTML", "other", "",
        _like(_BEFORE_TEXT + rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!DOCTYPE html|html|head|body)\b"),
    ),
    Format("XML", "other", "", _like(_BEFORE_TEXT + rb"<\?xml\b")),
    Format("JSON", "other", "", _like(_BEFORE_TEXT + rb"[{\[]\s*[\"{\[\]}\d]")),
)  # fmt: skip
"""The first that matches counts, so the narrower stands before the wider."""
