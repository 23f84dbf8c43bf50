"""Decompresses the strips and tiles of TIFF files.

libtiff does not do it: it writes a line to stderr for each fault, and the sender chooses how many there are.

Sources: Adobe, "TIFF Revision 6.0" (1992), sections 9 (PackBits) and 13 (LZW); RFC 1950 (deflate).
"""

import zlib

CLEAR, END, FIRST_FREE, LARGEST_TABLE = 256, 257, 258, 4096


def inflate(packed: bytes, n_bytes: int) -> bytes:
    """Decompress deflate, at most n_bytes. Raises zlib.error if the data are damaged."""
    return zlib.decompressobj().decompress(packed, n_bytes)


def unpack_bits(packed: bytes, n_bytes: int) -> bytes:
    """Decompress PackBits to n_bytes or a few more; fewer if the data end early."""
    unpacked, at = bytearray(), 0
    while at < len(packed) and len(unpacked) < n_bytes:
        count = packed[at]
        if count < 128:
            unpacked += packed[at + 1 : at + 2 + count]
            at += 2 + count
        else:
            unpacked += packed[at + 1 : at + 2] * (257 - count if count > 128 else 0)
            at += 2 if count > 128 else 1
    return bytes(unpacked)


def unpack_lzw(packed: bytes, n_bytes: int) -> bytes:
    """Decompress LZW (most significant bit first) to n_bytes or a few more; fewer if the data end early.

    Raises ValueError if the data are damaged.
    """
    start = [bytes([value]) for value in range(256)] + [b"", b""]
    table, width, previous = start.copy(), 9, b""
    unpacked = bytearray()
    bits = n_bits = 0
    for byte in packed:
        bits, n_bits = bits << 8 | byte, n_bits + 8
        if n_bits < width:
            continue
        n_bits -= width
        code, bits = bits >> n_bits, bits & (1 << n_bits) - 1
        if code == END or len(unpacked) >= n_bytes:
            break
        if code == CLEAR:
            table, width, previous = start.copy(), 9, b""
            continue
        if code > len(table) or (code == len(table) and not previous):
            raise ValueError(f"expected an LZW code up to {len(table)}, got {code}")
        entry = table[code] if code < len(table) else previous + previous[:1]
        if previous and len(table) < LARGEST_TABLE:
            table.append(previous + entry[:1])
        unpacked += entry
        previous = entry
        width = min(12, max(9, (len(table) + 1).bit_length()))  # TIFF widens codes one entry early
    return bytes(unpacked)
