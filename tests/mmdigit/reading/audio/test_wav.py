"""WAV files of every layout and sample format decode to the same samples, whatever the header says."""

import io
import struct

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmdigit.reading.audio.wav import read_wav
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import tone, wav

FORMATS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
STREAM_SIZES = [0, 0xFFFFFFFF, 2**31 - 1, 2**31 - 37, 0xFFFFFFFF - 36]
NAMES = [b"LIST", b"fact", b"JUNK", b"bext", b"id3 ", b"PEAK", b"abcd"]


def chunk(name: bytes, content: bytes, *, size: int | None = None, pad: bytes = b"\0") -> bytes:
    declared = len(content) if size is None else size
    return name + struct.pack("<I", declared) + content + (pad if len(content) % 2 else b"")


def parts(subtype: str, samples: NDArray[np.float64]) -> tuple[bytes, bytes]:
    """The content of the format chunk and of the data chunk, as libsndfile writes them."""
    file = wav(samples, subtype=subtype)
    at, found = 12, {}
    while at + 8 <= len(file):
        size = struct.unpack_from("<I", file, at + 4)[0]
        found[file[at : at + 4]] = file[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found[b"fmt "], found[b"data"]


def expected(subtype: str, samples: NDArray[np.float64]) -> NDArray[np.float32]:
    read, _ = soundfile.read(io.BytesIO(wav(samples, subtype=subtype)), dtype="float32", always_2d=True)
    return np.asarray(read, np.float32)


def riff(*chunks: bytes, size: int | None = None, start: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return start + struct.pack("<I", len(body) if size is None else size) + body


def test_wav_of_every_format_is_read_as_libsndfile_reads_it() -> None:
    random = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    for subtype in FORMATS:
        read, rate_hz = read_wav(wav(random, subtype=subtype))
        assert rate_hz == 8000
        np.testing.assert_array_equal(read, expected(subtype, random), err_msg=subtype)
    for code in (6, 7):
        header = struct.pack("<HHIIHH", code, 1, 8000, 8000, 1, 8)
        file = riff(chunk(b"fmt ", header), chunk(b"data", bytes(range(256)) * 2))
        np.testing.assert_array_equal(read_wav(file)[0], soundfile.read(io.BytesIO(file), always_2d=True)[0])


@pytest.mark.parametrize("subtype", FORMATS)
@pytest.mark.parametrize("size", STREAM_SIZES)
def test_wav_stream_is_read_to_the_end_of_the_data(subtype: str, size: int) -> None:
    form, data = parts(subtype, tone())
    file = riff(chunk(b"fmt ", form), chunk(b"LIST", b"INFO"), chunk(b"data", data, size=size), size=size)
    np.testing.assert_array_equal(read_wav(file)[0], expected(subtype, tone()))


@settings(deadline=None, derandomize=True)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 70), st.booleans()), max_size=4),
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3000)), max_size=3),
    st.sampled_from(["right", "stream", "larger"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 3),
    st.data(),
)
def test_wav_of_any_layout_gives_the_same_samples(
    subtype: str,
    before: list[tuple[bytes, int, bool]],
    trailer: list[tuple[bytes, int]],
    size: str,
    riff_size: int,
    cut: int,
    more: st.DataObject,
) -> None:
    samples = np.random.default_rng(riff_size).uniform(-0.5, 0.5, (500, 2))
    form, data = parts(subtype, samples)
    before_data = [chunk(name, b"x" * length, pad=b"\0" if padded else b"") for name, length, padded in before]
    if size == "right":  # chunks follow the samples
        body, tail = chunk(b"data", data), [chunk(name, bytes(length)) for name, length in trailer]
    else:
        declared = more.draw(
            st.sampled_from(STREAM_SIZES) if size == "stream" else st.integers(len(data) + 1, 2**32 - 1)
        )
        body, tail = chunk(b"data", data, size=declared)[: -cut or None], []
    read, _ = read_wav(riff(*before_data, chunk(b"fmt ", form), *before_data, body, *tail, size=riff_size))
    whole = expected(subtype, samples)
    frame_bytes = len(data) // len(whole)
    assert len(read) >= len(whole) - -(-cut // frame_bytes)
    np.testing.assert_array_equal(read, whole[: len(read)])


def test_wav_with_an_outdated_size_is_read_to_its_end() -> None:
    form, data = parts("PCM_16", tone(2.0))
    file = riff(chunk(b"fmt ", form), chunk(b"data", data, size=8000))
    np.testing.assert_array_equal(read_wav(file)[0], expected("PCM_16", tone(2.0)))


@pytest.mark.parametrize(
    "trailer", [b"TAG" + bytes(125), b"ID3\x03" + b"x" * 3000, bytes(5000), b"LIST\xff\xff\0\0" + b"z" * 3000]
)
def test_wav_ignores_data_after_the_samples(trailer: bytes) -> None:
    assert len(read_wav(wav(tone()) + trailer)[0]) == 4000


@pytest.mark.parametrize("start", [b"RF64", b"BW64"])
@pytest.mark.parametrize("known", [True, False])
def test_wav_of_64_bit_sizes_is_read(start: bytes, known: bool) -> None:
    form, data = parts("PCM_24", tone())
    ds64 = struct.pack("<QQQI", 2**40, len(data) if known else 0, 0, 0)
    tail = chunk(b"LIST", b"INFO" * 500) if known else b""
    file = riff(
        chunk(b"ds64", ds64),
        chunk(b"fmt ", form),
        chunk(b"data", data, size=0xFFFFFFFF),
        tail,
        size=0xFFFFFFFF,
        start=start,
    )
    np.testing.assert_array_equal(read_wav(file)[0], expected("PCM_24", tone()))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_of_extensible_format_is_read(subtype: str) -> None:
    file = wav(tone(), kind="WAVEX", subtype=subtype)
    np.testing.assert_array_equal(read_wav(file)[0], expected(subtype, tone()))


def test_wav_of_20_bits_and_of_24_in_32_bits_is_read() -> None:
    wide = np.asarray(np.round(tone() * 2**19) * 2**12, "<i4")
    for bits, align, data in (
        (20, 3, wide.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()),
        (24, 4, wide.tobytes()),
        (32, 4, wide.tobytes()),
    ):
        header = struct.pack("<HHIIHH", 1, 1, 8000, 8000 * align, align, bits)
        read, _ = read_wav(riff(chunk(b"fmt ", header), chunk(b"data", data)))
        np.testing.assert_allclose(read[:, 0], wide / 2**31, atol=1e-7)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 0), "got 0 bits"),
        (struct.pack("<HHIIHH", 1, 1, 8000, 64000, 8, 64), "got 64 bits"),
        (struct.pack("<HHIIHH", 3, 1, 8000, 16000, 2, 16), "got 16 bits"),
        (struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16), "sub-format"),
        (struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + bytes(16), "sub-format"),
        (bytes(8), "16 bytes or more, got 8"),
    ],
)
def test_wav_of_invalid_format_is_refused(form: bytes, message: str) -> None:
    with pytest.raises(InvalidAudio, match=message):
        read_wav(riff(chunk(b"fmt ", form), chunk(b"data", bytes(4000))))


@pytest.mark.parametrize("channels", [1, 2])
def test_read_wav_reads_the_plain_layout_as_any_other(channels: int) -> None:
    plain = wav(np.stack([tone()] * channels, axis=1))
    samples, rate_hz = read_wav(plain)
    other, other_rate_hz = read_wav(plain[:12] + chunk(b"JUNK", b"1234") + plain[12:])
    np.testing.assert_array_equal(samples, other)
    assert (samples.shape, rate_hz) == ((4000, channels), other_rate_hz)
    for length in range(12, 48):  # a file that is cut off
        with pytest.raises(InvalidAudio):
            read_wav(plain[:length])
