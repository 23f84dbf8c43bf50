"""Names what a sound file is by its first bytes, and says how to convert one that is not read."""

import re

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus")
"""Of the files that are read. A file may have another one: the content decides."""

_FTYP = "M4A (AAC of a telephone, MP4)"
_FORMATS: tuple[tuple[str, str, bytes], ...] = (
    # Name, suffix, pattern at the start of the file
    ("WebM (a browser's recording, often Opus)", "webm", rb"\x1a\x45\xdf\xa3"),
    ("AMR (a telephone's recording)", "amr", rb"#!AMR"),
    ("3GP (a telephone's recording)", "3gp", rb"....ftyp3g"),
    ("QuickTime", "mov", rb"....ftypqt"),
    (_FTYP, "m4a", rb"....ftyp"),
    ("CAF (Apple's Core Audio)", "caf", rb"caff"),
    ("AIFF", "aiff", rb"FORM....AIF[FC]"),
    ("AU (Sun)", "au", rb"\.snd|dns\."),
    ("WMA (Windows Media)", "wma", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("Ogg Vorbis", "ogg", rb"OggS.{23}.{1,255}?\x01vorbis"),
    ("FLAC in Ogg", "ogg", rb"OggS.{23}.{1,255}?\x7fFLAC"),
    ("Speex in Ogg", "spx", rb"OggS.{23}.{1,255}?Speex   "),
    ("Ogg of another codec", "ogg", rb"OggS"),
    ("Wave64 (Sony)", "w64", rb"riff\x2e\x91\xcf\x11"),
    ("RIFX (a WAV of the other byte order)", "wav", rb"RIFX"),
    ("AVI", "avi", rb"RIFF....AVI "),
    ("SILK (a messenger's voice note)", "silk", rb"\x02?#!SILK"),
    ("NIST SPHERE", "sph", rb"NIST_1A"),
    ("Creative Voice", "voc", rb"Creative Voice File"),
    ("WavPack", "wv", rb"wvpk"),
    ("Monkey's Audio", "ape", rb"MAC "),
    ("AC-3", "ac3", rb"\x0b\x77"),
    ("AAC", "aac", rb"\xff[\xf0\xf1\xf8\xf9]|ADIF"),
    ("MP3", "mp3", rb"ID3|TAG|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"),
)
_NO_SOUND: tuple[tuple[str, bytes], ...] = (
    (
        "a picture",
        rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0\0\0\0|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:hei|hev|mif|msf|avi)",
    ),
    ("a MIDI file, which holds notes and no sound", rb"MThd"),
    ("a compressed archive", rb"PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|\x28\xb5\x2f\xfd"),
    ("a PDF", rb"%PDF"),
    ("a web page", rb"(?i)\s*<(?:!doctype|html|\?xml)"),
    ("base64 text", rb"(?:data:audio/|UklGR|ZkxhQ|T2dnU|GkXfo)"),
)
_SOUNDS = [(name, suffix, re.compile(pattern, re.DOTALL)) for name, suffix, pattern in _FORMATS]
_OTHERS = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in _NO_SOUND]


def got_instead(data: bytes) -> str:
    """What the bytes are that are no clip, and what to do about it: "got X; do Y", for the end of a message."""
    start = data[:512]
    for name, pattern in _OTHERS:
        if pattern.match(start):
            return f"got {name}; send the recording itself"
    for name, suffix, sound in _SOUNDS:
        if sound.match(start):
            target = "clip-16-bit.wav" if suffix == "wav" else "clip.wav"
            return f"got {name}; convert it with `ffmpeg -i clip.{suffix} -ac 1 {target}`"
    return f"got {len(data)} bytes of something else; convert the clip with `ffmpeg -i CLIP -ac 1 clip.wav`"
