"""What an Ogg file may hold before libsndfile sees it: one stream of Opus, whole pages, little before the sound.

Sources: RFC 3533 (Ogg pages), RFC 7845 (Opus in Ogg).
"""

import struct

from schemas.errors import InvalidAudio

OPUS_HEAD = b"OpusHead"
MOST_PAGES = 8192  # 10 s in packets of 2.5 ms, each on a page of its own, need 4,000
_FIRST, _HEADER_BYTES = 2, 27  # the flag of a stream's first page; bytes of a page up to its table of segments


def opus_pages(data: bytes) -> bytes:
    """The file up to the end of its last whole page.

    data: begins with a page of 27 bytes and a table of one segment, then OPUS_HEAD.
    Raises InvalidAudio unless it holds one Opus stream of one or two channels and nothing else.
    """
    version, channels = struct.unpack_from("<BB", data, 36) if len(data) >= 47 else (0, 0)
    if version >> 4 or channels not in (1, 2) or data[46]:
        raise InvalidAudio(f"expected Opus in mono or stereo, got {channels} channels; mix the clip down to mono")
    at, stream = 0, data[14:18]
    for number in range(MOST_PAGES):
        if at == len(data) or not data.startswith(b"OggS", at):
            break  # what follows the last page is no sound
        table = data[at + _HEADER_BYTES : at + _HEADER_BYTES + (data[at + 26] if len(data) > at + 26 else 255)]
        end = at + _HEADER_BYTES + len(table) + sum(table)
        if len(data) < at + _HEADER_BYTES or len(table) < data[at + 26] or end > len(data):
            break  # cut within the page
        if data[at + 14 : at + 18] != stream or (number and data[at + 5] & _FIRST):
            raise InvalidAudio("expected one stream in the Ogg file, got several; send one digit a clip")
        at = end
    else:
        raise InvalidAudio(f"expected at most {MOST_PAGES} pages in an Ogg file, got more; send one digit a clip")
    return data[:at]
