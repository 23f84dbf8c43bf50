"""Finds the length of a FLAC file from its last frames, because the header may declare none or a wrong one.

Source: RFC 9639, sections 8.2 (streaminfo) and 9.1 (frame header).
"""

from collections.abc import Iterator

from mmdigit.reading.audio.limits import check_format
from schemas.errors import InvalidAudio

INFO = slice(18, 26)  # of the file: 20 bits rate, 3 bits channels - 1, 5 bits depth - 1, 36 bits number of samples
MAX_LENGTHS = 3  # candidates: the last frame may be cut off, and other bytes may look like a header
MAX_SYNCS = 4096  # possible headers to examine, from the end
SYNCS = (b"\xff\xf8", b"\xff\xf9")  # of fixed and of variable block size
FIRST_FRAME = 42  # bytes: the first frame is after the stream info
BLOCK_SIZES = {1: 192} | {code: 144 << code for code in range(2, 6)} | {code: 1 << code for code in range(8, 16)}


def flac_format(data: bytes) -> tuple[int, int]:
    """The rate in Hz and the number of channels. Raises InvalidAudio if there is no stream info within the limits."""
    if len(data) < 42 or data[4] & 0x7F != 0:
        raise InvalidAudio("expected a FLAC file that begins with its stream info, got none; save the clip again")
    packed = int.from_bytes(data[INFO], "big")
    rate_hz, channels = packed >> 44, (packed >> 41 & 7) + 1
    check_format(rate_hz, channels)
    return rate_hz, channels


def flac_lengths(data: bytes) -> Iterator[int]:
    """The samples in each channel up to the end of each of the last frames, the last frame first.

    data: a file that flac_format accepts.
    """
    last_at = {sync: data.rfind(sync, FIRST_FRAME) for sync in SYNCS}
    found, shortest = 0, 1 << 36
    for _ in range(MAX_SYNCS):
        sync = max(last_at, key=last_at.__getitem__)
        at = last_at[sync]
        if at < 0 or found == MAX_LENGTHS:
            return
        length = _end_of_frame(data, at)
        if 0 < length < shortest:
            yield length
            found, shortest = found + 1, length
        last_at[sync] = data.rfind(sync, FIRST_FRAME, at + 1)


def declared_length(data: bytes) -> int:
    """The samples in each channel that the stream info declares; 0 = unknown."""
    return int.from_bytes(data[INFO], "big") & (1 << 36) - 1


def with_length(data: bytes, length: int) -> bytes:
    """The same file with another length in its stream info."""
    packed = int.from_bytes(data[INFO], "big") >> 36 << 36 | length
    return data[: INFO.start] + packed.to_bytes(8, "big") + data[INFO.stop :]


def _end_of_frame(data: bytes, at: int) -> int:
    """The samples up to the end of the frame whose header is at this offset; 0 if there is no header."""
    header = data[at : at + 16]
    if len(header) < 6 or header[3] & 1:
        return 0
    size_code, rate_code, channel_code = header[2] >> 4, header[2] & 15, header[3] >> 4
    if size_code == 0 or rate_code == 15 or channel_code > 10:
        return 0
    # The number of the frame or of its first sample, encoded like UTF-8 in up to seven bytes.
    ones = 8 - (header[4] ^ 0xFF).bit_length()
    n_bytes = ones or 1
    if ones in (1, 8) or any(byte >> 6 != 2 for byte in header[5 : 4 + n_bytes]):
        return 0
    number = header[4] & (0x7F >> ones)
    for byte in header[5 : 4 + n_bytes]:
        number = number << 6 | byte & 0x3F
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    size_at = 4 + n_bytes
    crc_at = size_at + size_bytes + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if crc_at >= len(header) or _crc8(header[:crc_at]) != header[crc_at]:
        return 0
    size = int.from_bytes(header[size_at : size_at + size_bytes], "big") + 1 if size_bytes else BLOCK_SIZES[size_code]
    if header[1] & 1:  # variable block size: the number is that of the first sample
        return number + size
    return number * int.from_bytes(data[10:12], "big") + size  # fixed block size, except for the last frame


def _crc8(header: bytes) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in header:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc
