"""Decodes WAV files in every chunk layout that recorders, browsers and pipes write.

Reads the samples to the end of the file even if the header declares more: a stream, or a recorder that stopped before
it updated the header, declares a wrong size. Sources: IBM and Microsoft, "Multimedia Programming Interface and Data
Specifications 1.0", RIFF; Microsoft, WAVEFORMATEXTENSIBLE; EBU Tech 3306 (RF64) and ITU-R BS.2088 (BW64); ITU-T G.711
(A-law, mu-law).
"""

import struct

import numpy as np

from mmdigit.reading.audio.limits import (
    MIN_DURATION_S,
    ONE_DIGIT,
    ClipLimits,
    Samples,
    check_format,
    check_length,
    within_full_scale,
)
from schemas.errors import InvalidAudio

WAV_STARTS = (b"RIFF", b"RF64", b"BW64")
PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
TAGS = {PCM, FLOAT, ALAW, MULAW, EXTENSIBLE}
OTHER_TAGS = {2: "MS ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x45: "G.726", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA"}
CONVERT = "convert it with `ffmpeg -i clip.wav -ac 1 -c:a pcm_s16le clip-16-bit.wav`"
SUB_FORMAT = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"  # the rest of a GUID that begins with a tag
PLAIN_HEADER = struct.Struct("<12x4sIHHI6xH4sI")
STREAM_SIZES = {0, 0xFFFFFFFF}  # declared by programs that cannot go back and update the header


def read_wav(data: bytes, limits: ClipLimits = ONE_DIGIT) -> tuple[Samples, int]:
    """Decode a WAV file. Returns the samples, (n_frames, n_channels) in [-1, 1], and their rate in Hz.

    data: begins with one of WAV_STARTS, a size that is ignored, and WAVE.
    Raises InvalidAudio for an unknown sample format, and for a clip outside the limits.
    """
    plain = _read_plain(data, limits)
    if plain is not None:
        return plain
    at = 12
    width = tag = rate_hz = channels = 0
    samples_in_ds64 = 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        present = len(data) - at - 8
        if name == b"data":
            if not width:
                raise InvalidAudio("expected the WAV format before the samples, got none; save the clip again")
            if size == 0xFFFFFFFF and samples_in_ds64:
                size = samples_in_ds64
            if size in STREAM_SIZES or size > present or (size < present and _continues(data, at + 8 + size, rate_hz)):
                size = present
            n_frames = size // (width * channels)
            if n_frames == 0:
                raise InvalidAudio("expected samples, got a WAV file without any; record it again")
            check_length(n_frames, rate_hz, limits)
            return _samples(data, at + 8, n_frames * channels, tag, width).reshape(n_frames, channels), rate_hz
        if size > present:
            raise InvalidAudio(
                f"expected a whole WAV file, got {present} of the {size} bytes that its {name!r} chunk declares; "
                "send it again"
            )
        if name == b"fmt " and not width:
            tag, channels, rate_hz, width = _format(data, at + 8, size)
        elif name == b"ds64" and size >= 16:
            samples_in_ds64 = struct.unpack_from("<Q", data, at + 16)[0]
        at += 8 + size
        if size % 2 and not (_is_chunk(data, at) and not _is_chunk(data, at + 1)):
            at += 1  # the pad byte, which some programs omit
    raise InvalidAudio("expected a WAV file with samples, got one without a data chunk; record it again")


def _read_plain(data: bytes, limits: ClipLimits) -> tuple[Samples, int] | None:
    """As read_wav, for a file of 16-bit samples right after a header of 44 bytes, as most programs write it; else None.

    Raises InvalidAudio for a clip outside the limits.
    """
    if len(data) < PLAIN_HEADER.size:
        return None
    fmt, fmt_size, tag, channels, rate_hz, bits, name, size = PLAIN_HEADER.unpack_from(data)
    if (fmt, fmt_size, tag, bits, name, size) != (b"fmt ", 16, PCM, 16, b"data", len(data) - PLAIN_HEADER.size):
        return None
    check_format(rate_hz, channels)
    n_frames = size // (2 * channels)
    if n_frames == 0:
        return None
    check_length(n_frames, rate_hz, limits)
    return _samples(data, PLAIN_HEADER.size, n_frames * channels, PCM, 2).reshape(n_frames, channels), rate_hz


def _format(data: bytes, at: int, size: int) -> tuple[int, int, int, int]:
    """The tag, channels, rate in Hz and bytes of a sample, from the format chunk whose content is at this offset."""
    if size < 16:
        raise InvalidAudio(f"expected a WAV format chunk of 16 bytes or more, got {size}; save it again")
    tag, channels, rate_hz, _, align, bits = struct.unpack_from("<HHIIHH", data, at)
    check_format(rate_hz, channels)
    if tag not in TAGS:
        raise InvalidAudio(f"expected PCM or float samples, got {OTHER_TAGS.get(tag, f'WAV format {tag}')}; {CONVERT}")
    if tag == EXTENSIBLE:
        tag = struct.unpack_from("<H", data, at + 24)[0] if size >= 40 else 0
        if tag not in TAGS - {EXTENSIBLE} or data[at + 26 : at + 40] != SUB_FORMAT:
            raise InvalidAudio("expected PCM or float samples, got another sub-format; " + CONVERT)
    # Samples of 12 or 20 bits are in the upper bits of whole bytes; those of 24 bits sometimes in the upper of four.
    width = 4 if (bits, align) == (24, 4 * channels) else (bits + 7) // 8
    widths = {PCM: {1, 2, 3, 4}, FLOAT: {4, 8}, ALAW: {1}, MULAW: {1}}[tag]
    if width not in widths:
        raise InvalidAudio(f"expected 8 to 32 bits PCM, or float, got {bits} bits; {CONVERT}")
    return tag, channels, rate_hz, width


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk seems to begin at this offset: a printable name, and a size within the file."""
    name = data[at : at + 4]
    return (
        len(data) >= at + 8
        and _is_name(name)
        and (name == b"data" or struct.unpack_from("<I", data, at + 4)[0] <= len(data) - at - 8)
    )


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def _continues(data: bytes, end: int, rate_hz: int) -> bool:
    """Whether the samples continue after the declared end: the data there are long enough and not a chunk or tag.

    A recorder that updates the size every second writes such a file when it loses power.
    """
    if len(data.rstrip(b"\0")) - end < 2 * MIN_DURATION_S * rate_hz:
        return False
    return not (data.startswith(b"ID3", end) or _is_name(data[end : end + 4]) or _is_name(data[end + 1 : end + 5]))


def _samples(data: bytes, at: int, count: int, tag: int, width: int) -> Samples:
    """(count,), float32 in [-1, 1]."""
    if (tag, width) == (PCM, 2):
        return np.asarray(np.frombuffer(data, "<i2", count, at) / np.float32(32768), np.float32)
    if tag == PCM and width == 1:
        return np.asarray(np.frombuffer(data, np.uint8, count, at) / np.float32(128) - 1, np.float32)
    if tag == PCM:  # put each sample into the upper bytes of 32 bits
        wide = np.zeros((count, 4), np.uint8)
        wide[:, 4 - width :] = np.frombuffer(data, np.uint8, count * width, at).reshape(count, width)
        return np.asarray(wide.reshape(-1).view("<i4") / 2.0**31, np.float32)
    if tag == FLOAT:
        return within_full_scale(np.frombuffer(data, f"<f{width}", count, at))
    table = ALAW_SAMPLES if tag == ALAW else MULAW_SAMPLES
    return table[np.frombuffer(data, np.uint8, count, at)]


def _g711() -> tuple[Samples, Samples]:
    """The samples that the 256 bytes encode in A-law and in mu-law: 13 and 14 bits, in the upper bits of 16."""
    code = np.arange(256)
    flipped = code ^ 0x55
    part, step = flipped >> 4 & 7, flipped & 15
    linear = np.where(part == 0, 16 * step + 8, (16 * step + 264) << np.maximum(part - 1, 0))
    alaw = np.where(flipped & 0x80, linear, -linear)
    inverted = ~code & 0xFF
    linear = ((8 * (inverted & 15) + 132) << (inverted >> 4 & 7)) - 132
    mulaw = np.where(inverted & 0x80, -linear, linear)
    return np.asarray(alaw / 32768, np.float32), np.asarray(mulaw / 32768, np.float32)


ALAW_SAMPLES, MULAW_SAMPLES = _g711()
