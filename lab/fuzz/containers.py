"""Makes files with valid containers from arbitrary bytes, so that fuzzing reaches the decoders behind the checks.

Too few bytes make an empty file.
"""

import struct
import zlib


def png(content: bytes) -> bytes:
    """A PNG whose chunks have valid checksums and whose pixels inflate, which mutated files rarely have."""
    if len(content) < 8:
        return b""
    size, kind, filters, *_ = struct.unpack_from(">HBB", content)
    depth, colour = ((1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 3), (4, 3), (8, 4), (16, 4), (8, 6))[kind % 10]
    width, height = 8 + size % 64, 8 + (size >> 8) % 64
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, filters & 1)
    chunks = [(b"IHDR", header), (b"PLTE", content[4 : 4 + 3 * (len(content) // 8)])]
    if filters & 2:
        chunks.append((b"tRNS", content[8:]))
    if filters & 4:
        chunks.append((b"eXIf", content[8:]))
    if filters & 8:
        chunks.append((b"zTXt", b"k\0\0" + zlib.compress(content)))
    rows = (content[8:] * (1 + 1 + width * height * 8 // max(1, len(content) - 8)))[: height * (1 + width * 8)]
    chunks += [(b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(inner)) + name + inner + struct.pack(">I", zlib.crc32(name + inner))
        for name, inner in chunks
    )


def tiff(content: bytes) -> bytes:
    """A TIFF with consistent tags and arbitrary bytes as pixels."""
    if len(content) < 8:
        return b""
    compression = (1, 2, 3, 4, 5, 8, 32773, 7)[content[0] % 8]
    photometric, samples, bits = (
        *((0, 1, 1), (1, 1, 1), (1, 1, 8), (2, 3, 8), (2, 4, 8), (3, 1, 8), (5, 4, 8), (1, 1, 16)),
        *((2, 3, 16), (1, 2, 8), (1, 1, 32), (6, 3, 8), (0, 1, 4), (3, 1, 1), (1, 1, 12), (8, 3, 8)),
    )[content[1] % 16]
    width, height = 8 + content[2] % 64, 8 + content[3] % 64
    options, body = content[4], content[8:]
    tags = {256: width, 257: height, 258: bits, 259: compression, 262: photometric, 277: samples}
    tags |= {266: 1 + (options & 1), 284: 1 + (options >> 1 & 1), 292: options >> 2 & 7, 317: 1 + (options >> 5 & 1)}
    tags |= {274: content[5] % 9, 339: 1 + content[6] % 3} | ({338: content[5] >> 4 & 3} if samples in (2, 4) else {})
    tags |= {322: 16 + content[7] % 64, 323: 16, 324: 8, 325: len(body)} if options & 64 else {}
    tags |= {278: height, 273: 8, 279: len(body)} if not options & 64 else {}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    offset = 8 + len(body)
    return b"II*\0" + struct.pack("<I", offset) + body + struct.pack("<H", len(tags)) + entries + bytes(4)


def webp(content: bytes) -> bytes:
    """A WebP with valid headers and arbitrary bytes in its chunks."""
    if len(content) < 5:
        return b""
    size, body = (8 + content[1] % 64, 8 + content[2] % 64), content[5:]
    if content[0] & 1:
        chunks = [(b"VP8L", b"\x2f" + struct.pack("<I", (size[0] - 1) | (size[1] - 1) << 14 | 1 << 28) + body)]
    else:
        first, alpha = struct.pack("<I", int.from_bytes(content[3:5]) << 5 | 0x10)[:3], body[: len(body) // 4]
        chunks = [(b"ALPH", alpha)] if content[0] & 2 else []
        chunks.append((b"VP8 ", first + b"\x9d\x01\x2a" + struct.pack("<HH", *size) + body))
    packed = b"".join(name + struct.pack("<I", len(each)) + each + bytes(len(each) % 2) for name, each in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(packed)) + b"WEBP" + packed


def ogg(content: bytes) -> bytes:
    """The bytes with every Ogg page's checksum corrected: libogg drops other pages, and Opus would never see them."""
    file = bytearray(content)
    at = 0
    while file.startswith(b"OggS", at) and at + 27 + file[min(at + 26, len(file) - 1)] <= len(file):
        end = at + 27 + file[at + 26] + sum(file[at + 27 : at + 27 + file[at + 26]])
        file[at + 22 : at + 26] = bytes(4)
        file[at + 22 : at + 26] = ogg_crc(file[at:end]).to_bytes(4, "little")
        at = end
    return bytes(file)


def ogg_crc(page: bytes | bytearray) -> int:
    """The checksum of a page. Source: RFC 3533; Ethernet's polynomial, not reflected."""
    crc = 0
    for byte in page:
        crc = crc << 8 & 0xFFFFFFFF ^ _OGG_CRC[crc >> 24 ^ byte]
    return crc


def _ogg_crc_of(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = crc << 1 ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return crc


_OGG_CRC = [_ogg_crc_of(byte) for byte in range(256)]
