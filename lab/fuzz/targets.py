"""What is fuzzed: each parser with the errors that it documents. Whatever else comes out is a crasher."""

import gzip
import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdigit.datasets.idx import Content, read_idx
from mmdigit.datasets.manifest import Manifest
from mmdigit.reading.audio.normalize import N_SAMPLES, decode_audio, speech_window
from mmdigit.reading.image.normalize import decode_image, normalize
from mmdigit.reading.metadata import read_metadata
from mmdigit.settings.access import RedisAccess
from mmdigit.settings.redaction import redact
from mmdigit.transport.encoding import decode_prediction, decode_reason, encode_prediction
from mmdigit.transport.kafka.batches import BatchTooLargeError, gzip_decode, lz4_decode, zstd_decode
from mmdigit.transport.urls import _parse_redis_url, _split, dead_letter_url
from schemas.errors import (
    DataError,
    InvalidAudio,
    InvalidImage,
    InvalidRecord,
    MmdigitError,
    SettingsError,
    StoreError,
    WeightsError,
)
from schemas.trace import TRACEPARENT_HEADER, trace_headers, trace_of, traceparent_of
from schemas.wire import decode_dead_letter, decode_job, encode
from worker.settings import WorkerSettings

HERE = Path(__file__).parent
MAX_MESSAGE_CHARACTERS = 1000


class Violation(Exception):  # noqa: N818  no error of ours: what must never be
    """A property that must hold for all input does not."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. max_bytes: of an input while it is fuzzed; larger ones are in tests/lab/fuzz/test_limits.py."""

    parse: Callable[[bytes], None]
    documented: tuple[type[MmdigitError] | type[BatchTooLargeError], ...]
    max_bytes: int = 4096

    def run(self, content: bytes) -> None:
        """Raises Violation, or whatever undocumented error the parser raises."""
        try:
            self.parse(content)
        except self.documented as error:
            message = str(error)
            if len(message) > MAX_MESSAGE_CHARACTERS:
                raise Violation(f"a message of {len(message)} characters") from error
            # The rest is escaped where it is shown, and parsers of files name the user's own paths.
            if isinstance(error, InvalidRecord | InvalidImage | InvalidAudio) and not message.isprintable():
                raise Violation("a message that is not printable") from error


def _job(content: bytes) -> None:
    job = decode_job(content)
    for wire in ("json", "msgpack"):
        if decode_job(encode(job, wire)) != job:
            raise Violation("a job that does not go round")


def _dead_letter(content: bytes) -> None:
    letter = decode_dead_letter(content)
    if decode_dead_letter(encode(letter, "msgpack")) != letter:
        raise Violation("a dead letter that does not go round")


def _image(content: bytes) -> None:
    _check_picture(decode_image(content))


def _png(content: bytes) -> None:
    """Chunks with right checksums, and pixels packed anew: where a mutation of a file's bytes rarely gets."""
    if len(content) < 8:
        return
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
    _image(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(inner)) + name + inner + struct.pack(">I", zlib.crc32(name + inner))
            for name, inner in chunks
        )
    )


def _tiff(content: bytes) -> None:
    """Tags that fit together and any bytes as pixels: what libtiff makes of them."""
    if len(content) < 8:
        return
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
    place = 8 + len(body)
    _image(b"II*\0" + struct.pack("<I", place) + body + struct.pack("<H", len(tags)) + entries + bytes(4))


def _webp(content: bytes) -> None:
    """Any bytes in WebP's chunks, their headers right: what libwebp makes of them."""
    if len(content) < 5:
        return
    size, body = (8 + content[1] % 64, 8 + content[2] % 64), content[5:]
    if content[0] & 1:
        chunks = [(b"VP8L", b"\x2f" + struct.pack("<I", (size[0] - 1) | (size[1] - 1) << 14 | 1 << 28) + body)]
    else:
        first, alpha = struct.pack("<I", int.from_bytes(content[3:5]) << 5 | 0x10)[:3], body[: len(body) // 4]
        chunks = [(b"ALPH", alpha)] if content[0] & 2 else []
        chunks.append((b"VP8 ", first + b"\x9d\x01\x2a" + struct.pack("<HH", *size) + body))
    packed = b"".join(name + struct.pack("<I", len(each)) + each + bytes(len(each) % 2) for name, each in chunks)
    _image(b"RIFF" + struct.pack("<I", 4 + len(packed)) + b"WEBP" + packed)


def _pixels(content: bytes) -> None:
    """What the search for ink makes of any pixels."""
    if len(content) < 66:
        return
    width = 8 + content[0] % 57
    rows = (len(content) - 1) // width
    if rows < 8:
        return
    grey = np.frombuffer(content, np.uint8, rows * width, 1).reshape(rows, width)
    _check_picture(normalize(np.asarray(grey / np.float32(255), np.float32)))


def _check_picture(digit: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    if digit.shape != (28, 28) or not bool(np.isfinite(digit).all()) or digit.min() < 0 or digit.max() > 1:
        raise Violation("a picture out of its shape or range")


def _audio(content: bytes) -> None:
    _check_clip(decode_audio(content))


def _ogg(content: bytes) -> None:
    """Pages with right checksums: libogg drops others, so that a mutation of a file's bytes never reaches Opus."""
    file = bytearray(content)
    at = 0
    while file.startswith(b"OggS", at) and at + 27 + file[min(at + 26, len(file) - 1)] <= len(file):
        end = at + 27 + file[at + 26] + sum(file[at + 27 : at + 27 + file[at + 26]])
        file[at + 22 : at + 26] = bytes(4)
        file[at + 22 : at + 26] = ogg_crc(file[at:end]).to_bytes(4, "little")
        at = end
    _audio(bytes(file))


def ogg_crc(page: bytes | bytearray) -> int:
    """RFC 3533: the polynomial of Ethernet, not reflected."""
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


def _samples(content: bytes) -> None:
    """What the search for speech makes of any finite samples."""
    samples = np.frombuffer(content, "<f4", len(content) // 4)
    if samples.size and bool(np.isfinite(samples).all()):
        _check_clip(speech_window(samples.clip(-1, 1)))


def _check_clip(clip: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    if clip.shape != (N_SAMPLES,) or not bool(np.isfinite(clip).all()) or float(np.abs(clip).max()) > 1:
        raise Violation("a clip out of its shape or range")


def _batch(content: bytes) -> None:
    for unpack in (gzip_decode, lz4_decode, zstd_decode):
        with suppress(BatchTooLargeError):
            unpack(content)


def _stored(content: bytes) -> None:
    with suppress(StoreError):
        decode_reason(content)
    once = decode_prediction(encode_prediction(decode_prediction(content)))
    if decode_prediction(encode_prediction(once)) != once:
        raise Violation("a prediction that does not go round")


def _traceparent(content: bytes) -> None:
    trace = trace_of({TRACEPARENT_HEADER: content})
    if trace is None:
        return
    written = traceparent_of(trace)
    read = trace_of(trace_headers(written))
    if read is None or traceparent_of(read) != written or written[3:52].encode() != content[3:52]:
        raise Violation("a trace that does not go round")


def _urls(content: bytes) -> None:
    url = content.decode("utf-8", "replace")
    with_password = f"redis://user:s3cret@{url}"
    if "s3cret" in redact(with_password):
        raise Violation("a password that is shown")
    for parse in (dead_letter_url, lambda text: _parse_redis_url(_split(text, ""), text, RedisAccess())):
        for text in (url, with_password, f"kafka://{url}", f"sqlite:///{url}"):
            try:
                parse(text)
            except SettingsError as error:
                if "s3cret" in str(error):
                    raise Violation("a password that is shown") from error


def _settings(content: bytes) -> None:
    words = [word.decode("utf-8", "replace") for word in content.split(b"\0")]
    with redirect_stderr(io.StringIO()), suppress(SystemExit):  # argparse leaves so, with code 2
        if not {"-h", "--help"} & set(words):
            WorkerSettings.load(["--from", "sqlite:///a", "--store", "sqlite:///a", *words])


def _idx_file(content: bytes) -> None:
    with _file(gzip.compress(content, 1) if content[:1] == b"\0" else content) as path:
        read_idx(path, Content((2, 4, 4)))


def _manifest(content: bytes) -> None:
    """What checking it counts is what reading it gives, row by row, each bounded and printable."""
    with _file(content) as path:
        manifest = Manifest.open(path)
        samples = list(manifest)
    if len(samples) != len(manifest):
        raise Violation("rows that are counted and not read, or read and not counted")
    if any(len(sample.fault or "") > MAX_MESSAGE_CHARACTERS for sample in samples):
        raise Violation("a fault of many characters")
    if not all((sample.fault or "").isprintable() for sample in samples):
        raise Violation("a fault that is not printable")
    ids = [sample.id for sample in samples if sample.fault is None]
    if len(set(ids)) != len(ids):
        raise Violation("an id that stands there twice")


def _metadata(content: bytes) -> None:
    with _file(content) as path:
        read_metadata(path)


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:  # noqa: S108
        file.write(content)
        file.flush()
        yield Path(file.name)


TARGETS: dict[str, Target] = {
    "job": Target(_job, (InvalidRecord,)),
    "dead_letter": Target(_dead_letter, (InvalidRecord,)),
    "image": Target(_image, (InvalidImage,)),
    "png": Target(_png, (InvalidImage,)),
    "tiff": Target(_tiff, (InvalidImage,)),
    "webp": Target(_webp, (InvalidImage,)),
    "pixels": Target(_pixels, ()),
    "audio": Target(_audio, (InvalidAudio,)),
    "ogg": Target(_ogg, (InvalidAudio,), 8192),
    "samples": Target(_samples, (), 64 * 1024),
    "batch": Target(_batch, ()),
    "stored": Target(_stored, (StoreError,)),
    "traceparent": Target(_traceparent, (), 128),
    "urls": Target(_urls, (), 1024),
    "settings": Target(_settings, (SettingsError,), 1024),
    "idx": Target(_idx_file, (DataError,)),
    "manifest": Target(_manifest, (DataError,)),
    "metadata": Target(_metadata, (WeightsError,), 16 * 1024),
}


def kept(kind: str, name: str) -> list[Path]:
    """The inputs of a target that are kept: kind is corpus (small, one for each path found) or crashers (mended)."""
    return sorted((HERE / kind / name).glob("*"))
