"""Checks an Ogg file before libsndfile sees it: one Opus stream, whole pages, plausible positions.

Sources: RFC 3533 (Ogg pages), RFC 7845 (Opus in Ogg).
"""

import struct

from mmdigit.reading.audio.limits import MAX_DURATION_S, ONE_DIGIT, ClipLimits
from schemas.errors import InvalidAudio

OPUS_HEAD = b"OpusHead"
MAX_PAGES = 8192  # in MAX_DURATION_S: 10 s in packets of 2.5 ms, each on its own page, need 4,000
MAX_PACKET_SAMPLES = 5760  # at OPUS_RATE_HZ: 120 ms
OPUS_RATE_HZ = 48_000  # of positions, whatever the rate of the recording
_FIRST, _NO_PACKET_ENDS = 2, -1  # the flag of a stream's first page; the position of a page on which no packet ends
_HEADER_BYTES = 27  # of a page, up to its segment table


def opus_pages(data: bytes, limits: ClipLimits = ONE_DIGIT) -> bytes:
    """The file up to the end of its last whole page.

    data: begins with a page header of 27 bytes, a segment table of one entry, and OPUS_HEAD.
    Raises InvalidAudio unless the file is a single Opus stream of one or two channels.
    """
    version, channels = struct.unpack_from("<BB", data, 36) if len(data) >= 47 else (0, 0)
    if version >> 4 or channels not in (1, 2) or data[46]:
        raise InvalidAudio(f"expected Opus in mono or stereo, got {channels} channels; mix the clip down to mono")
    max_pages = round(MAX_PAGES * limits.max_duration_s / MAX_DURATION_S)
    at, stream, position = 0, data[14:18], 0
    for number in range(max_pages):
        if len(data) < at + _HEADER_BYTES or not data.startswith(b"OggS", at):
            break  # data after the last page
        _, _, flags, granule, serial, sequence, _, n_segments = struct.unpack_from("<4sBBq4sIIB", data, at)
        table = data[at + _HEADER_BYTES : at + _HEADER_BYTES + n_segments]
        end = at + _HEADER_BYTES + n_segments + sum(table)
        if end > len(data):
            break  # the page is cut off
        if serial != stream or (number and flags & _FIRST):
            raise InvalidAudio(f"expected one stream in the Ogg file, got several; {limits.advice}")
        # libsndfile allocates memory for every gap between positions.
        limit = position + MAX_PACKET_SAMPLES * sum(segment < 255 for segment in table) if number > 1 else 0
        if sequence != number or not (granule == _NO_PACKET_ENDS or position <= granule <= limit):
            raise InvalidAudio("expected all pages of the Ogg file in order, got a gap; send the file again")
        at, position = end, max(position, granule)
    else:
        raise InvalidAudio(f"expected at most {max_pages} pages in an Ogg file, got more; {limits.advice}")
    if position > (limits.max_duration_s + 1) * OPUS_RATE_HZ:
        raise InvalidAudio(f"expected at most {limits.max_duration_s:g} s of audio, got more; {limits.advice}")
    return data[:at]
