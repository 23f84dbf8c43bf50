"""Detects a file's format from its first bytes, and names the command that converts it to a supported one.

Add a format as one line in FORMATS. Sources: each format's specification; the `file` program's database.
"""

import re
from dataclasses import dataclass
from typing import Literal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".tif", ".tiff", ".webp")
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus")
"""Suffixes of supported files, in lower case. A file may have another suffix: the content decides."""

HEAD_BYTES = 1024  # enough to detect every format

Kind = Literal["image", "audio", "other"]


@dataclass(frozen=True)
class Format:
    """One file format. command: converts it to a supported format; empty if it is supported or nothing converts it."""

    kind: Kind
    name: str
    command: str
    start: re.Pattern[bytes]


def format_of(data: bytes) -> Format | None:
    """The format of a file with this content; None if unknown."""
    head = data[:HEAD_BYTES]
    return next((each for each in FORMATS if each.start.match(head)), None)


def describe_unexpected(data: bytes, wanted: Literal["image", "audio"]) -> str:
    """The end of an error message about unsupported bytes: "got X; do Y"."""
    noun = "image" if wanted == "image" else "clip"
    found = format_of(data)
    if not data:
        return f"got an empty file; send the {noun} again"
    if found is None:
        command = "magick IMAGE out.png" if wanted == "image" else "ffmpeg -i CLIP -ac 1 clip.wav"
        return f"got {len(data)} bytes of an unknown format; convert the {noun} with `{command}`"
    if found.kind == wanted:
        return f"got {found.name}; " + (f"convert it with `{found.command}`" if found.command else "send it again")
    if found.kind == "other":
        return f"got {found.name}; send the {noun} itself" + (f": `{found.command}`" if found.command else "")
    what = "an image; send it as image" if found.kind == "image" else "an audio clip; send it as audio"
    return f"got {found.name}, {what}" + (f", converted with `{found.command}`" if found.command else "")


def _image(name: str, start: bytes, command: str = "") -> Format:
    """command: a complete command, or the suffix of a file that ImageMagick converts."""
    command = f"magick in.{command} out.png" if command.isalnum() else command
    return Format("image", name, command, re.compile(start, re.DOTALL))


def _audio(name: str, start: bytes, suffix: str = "") -> Format:
    target = "clip-16-bit.wav" if suffix == "wav" else "clip.wav"
    command = f"ffmpeg -i clip.{suffix} -ac 1 {target}" if suffix else ""
    return Format("audio", name, command, re.compile(start, re.DOTALL))


def _other(name: str, start: bytes, command: str = "") -> Format:
    return Format("other", name, command, re.compile(start, re.DOTALL))


# Atomic groups, because backtracking over a series of comments would take exponential time.
_TEXT = rb"(?>(?:\xef\xbb\xbf)?\s*)"
_MARKUP = _TEXT + rb"(?>(?:<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s+)*)"

FORMATS: tuple[Format, ...] = (
    _image("PNG", rb"\x89PNG\r\n\x1a\n"),
    _image("JPEG-LS", rb"\xff\xd8\xff\xf7", "jls"),
    _image("JPEG", rb"\xff\xd8\xff"),
    _image("TIFF", rb"II\*\0|MM\0\*"),
    _image("BigTIFF", rb"II\+\0|MM\0\+", "tif"),
    _image("WebP", rb"RIFF.{4}WEBP"),
    _image("GIF", rb"GIF8[79]a", "magick 'in.gif[0]' out.png"),
    _image("BMP", rb"BM.{4}\0{4}..\0\0", "bmp"),
    _image("AVIF", rb".{4}ftypavi[fs]", "avif"),
    _image("HEIC", rb".{4}ftyp(?:hei[cxms]|hev[cx]|m[is]f1)", "heic"),
    _image("Canon raw", rb".{4}ftypcrx ", "darktable-cli in.cr3 out.png"),
    _image("JPEG 2000", rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "jp2"),
    _image("JPEG XL", rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a", "jxl"),
    _image("PSD", rb"8BPS", "magick 'in.psd[0]' out.png"),
    _image("ICO", rb"\0\0[\1\2]\0[^\0]\0", "magick 'in.ico[0]' out.png"),
    _image("PNM", rb"P[1-7f]\s+[\d#WIDTH]", "pnm"),
    _image("OpenEXR", rb"v/1\x01", "exr"),
    _image("JPEG XR", rb"II\xbc", "jxr"),
    _image("DjVu", rb"AT&TFORM", "ddjvu -format=tiff -page=1 in.djvu out.tif"),
    _image("DICOM", rb".{128}DICM", "dcm2img +on in.dcm out.png"),
    _image("PDF", _TEXT + rb"%PDF-", "pdftoppm -png -r 200 in.pdf out"),
    _image("PostScript", rb"%!PS", "magick -density 200 in.ps out.png"),
    _image("SVG", rb"(?i)" + _MARKUP + rb"<svg\b", "rsvg-convert -w 500 in.svg -o out.png"),
    _audio("WAV", rb"(?:RIFF|RF64|BW64).{4}WAVE"),
    _audio("RIFX (big-endian WAV)", rb"RIFX", "wav"),
    _audio("FLAC", rb"fLaC"),
    _audio("Ogg Opus", rb"OggS.{24}OpusHead"),
    _audio("Ogg Vorbis", rb"OggS.{23}.{1,255}?\x01vorbis", "ogg"),
    _audio("FLAC in Ogg", rb"OggS.{23}.{1,255}?\x7fFLAC", "ogg"),
    _audio("Speex in Ogg", rb"OggS.{23}.{1,255}?Speex   ", "spx"),
    _audio("Ogg with another codec", rb"OggS", "ogg"),
    _audio("WebM (browser recording, often Opus)", rb"\x1a\x45\xdf\xa3", "webm"),
    _audio("3GP (phone recording)", rb".{4}ftyp3g", "3gp"),
    _audio("QuickTime", rb".{4}ftypqt", "mov"),
    _audio("M4A (MP4, usually AAC)", rb".{4}ftyp", "m4a"),
    _audio("AMR (phone recording)", rb"#!AMR", "amr"),
    _audio("SILK (messenger voice note)", rb"\x02?#!SILK", "silk"),
    _audio("CAF (Apple Core Audio)", rb"caff", "caf"),
    _audio("AIFF", rb"FORM.{4}AIF[FC]", "aiff"),
    _audio("AU (Sun)", rb"\.snd|dns\.", "au"),
    _audio("WMA (Windows Media)", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
    _audio("Wave64 (Sony)", rb"riff\x2e\x91\xcf\x11", "w64"),
    _audio("AVI", rb"RIFF.{4}AVI ", "avi"),
    _audio("NIST SPHERE", rb"NIST_1A", "sph"),
    _audio("Creative Voice", rb"Creative Voice File", "voc"),
    _audio("WavPack", rb"wvpk", "wv"),
    _audio("Monkey's Audio", rb"MAC ", "ape"),
    _audio("AC-3", rb"\x0b\x77", "ac3"),
    _audio("AAC", rb"\xff[\xf0\xf1\xf8\xf9]|ADIF", "aac"),
    _audio("MP3", rb"ID3|TAG|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]", "mp3"),
    _other("MIDI (notes without audio)", rb"MThd"),
    _other("ZIP (a compressed archive)", rb"PK\x03\x04|PK\x05\x06", "unzip in.zip"),
    _other("gzip (a compressed archive)", rb"\x1f\x8b", "gunzip in.gz"),
    _other("bzip2 (a compressed archive)", rb"BZh", "bunzip2 in.bz2"),
    _other("xz (a compressed archive)", rb"\xfd7zXZ\0", "unxz in.xz"),
    _other("Zstandard (a compressed archive)", rb"\x28\xb5\x2f\xfd", "unzstd in.zst"),
    _other("7z (a compressed archive)", rb"7z\xbc\xaf\x27\x1c", "7z x in.7z"),
    _other("RAR (a compressed archive)", rb"Rar!\x1a\x07", "7z x in.rar"),
    _other("NumPy array", rb"\x93NUMPY"),
    _other("data URL (base64 text)", rb"data:[\w/+.-]*[;,]", "sed 's/^[^,]*,//' in.txt | base64 -d > out"),
    _other("base64 text", rb"iVBORw0KGgo|/9j/|UklGR|SUkqA|ZkxhQ|T2dnU|GkXfo", "base64 -d in.txt > out"),
    _other("Git LFS pointer", rb"version https://git-lfs", "git lfs pull"),
    _other("HTML (a web page)", rb"(?i)" + _MARKUP + rb"<(?:!DOCTYPE html|html|head|body)\b"),
    _other("XML", _TEXT + rb"<\?xml\b"),
    _other("JSON", _TEXT + rb"[{\[]\s*[\"{\[\]}\d]"),
)
"""The first match wins, so narrower patterns come before wider ones."""
