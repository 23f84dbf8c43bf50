"""What an Ogg file may hold before libsndfile sees it: one stream of Opus, whole pages, little before the sound.

Sources: RFC 3533 (Ogg pages), RFC 7845 (Opus in Ogg).
"""

import struct

from mmdigit.reading.audio.limits import MAX_DURATION_S
from schemas.errors import InvalidAudio

OPUS_HEAD = b"OpusHead"
MOST_PAGES = 8192  # 10 s in packets of 2.5 ms, each on a page of its own, need 4,000
MOST_PACKET = 5760  # samples at OPUS_RATE_HZ: 120 ms
OPUS_RATE_HZ = 48_000  # of positions, whatever the recording's rate was
_FIRST, _NO_PACKET_ENDS = 2, -1  # the flag of a stream's first page; the position of a page that ends no packet
_HEADER_BYTES = 27  # of a page, up to its table of segments


def opus_pages(data: bytes) -> bytes:
    """The file up to the end of its last whole page.

    data: begins with a page of 27 bytes and a table of one segment, then OPUS_HEAD.
    Raises InvalidAudio unless it holds one Opus stream of one or two channels and nothing else.
    """
    version, channels = struct.unpack_from("<BB", data, 36) if len(data) >= 47 else (0, 0)
    if version >> 4 or channels not in (1, 2) or data[46]:
        raise InvalidAudio(f"expected Opus in mono or stereo, got {channels} channels; mix the clip down to mono")
    at, stream, position = 0, data[14:18], 0
    for number in range(MOST_PAGES):
        if len(data) < at + _HEADER_BYTES or not data.startswith(b"OggS", at):
            break  # what follows the last page is no sound
        _, _, flags, granule, serial, sequence, _, n_segments = struct.unpack_from("<4sBBq4sIIB", data, at)
        table = data[at + _HEADER_BYTES : at + _HEADER_BYTES + n_segments]
        end = at + _HEADER_BYTES + n_segments + sum(table)
        if end > len(data):
            break  # cut within the page
        if serial != stream or (number and flags & _FIRST):
            raise InvalidAudio("expected one stream in the Ogg file, got several; send one digit a clip")
        # libsndfile makes room for whatever a position leaves out.
        most = position + MOST_PACKET * sum(segment < 255 for segment in table) if number > 1 else 0
        if sequence != number or not (granule == _NO_PACKET_ENDS or position <= granule <= most):
            raise InvalidAudio("expected an Ogg file of all its pages in order, got others; send the file again")
        at, position = end, max(position, granule)
    else:
        raise InvalidAudio(f"expected at most {MOST_PAGES} pages in an Ogg file, got more; send one digit a clip")
    if position > (MAX_DURATION_S + 1) * OPUS_RATE_HZ:
        raise InvalidAudio(f"expected at most {MAX_DURATION_S:g} s of audio, got more; send one digit a clip")
    return data[:at]
