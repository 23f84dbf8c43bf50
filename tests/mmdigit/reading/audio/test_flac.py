"""FLAC files whose header declares no length or a wrong one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.flac import declared_length, flac_lengths, with_length
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import wav

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 30_000)
FILE = wav(SAMPLES, kind="FLAC")  # seven frames of 4,096 samples and one of 1,328
READ = read_clip(FILE)[0]
ID3 = b"ID3\x03\x00\x00\x00\x00\x01\x0a" + bytes(138)


@pytest.mark.parametrize("declared", [0, 1, 29_999, 30_001, 80_001, 2**36 - 1])
@pytest.mark.parametrize("before", [b"", ID3])
def test_flac_with_a_wrong_or_unknown_length_is_read(declared: int, before: bytes) -> None:
    np.testing.assert_array_equal(read_clip(before + with_length(FILE, declared))[0], READ)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(400, 79_999), st.sampled_from([8000, 16_000, 44_100, 96_000, 192_000]), st.sampled_from([1, 2]))
def test_flac_length_is_found_from_the_last_frame(size: int, rate_hz: int, channels: int) -> None:
    samples = np.random.default_rng(size).normal(0, 0.1, (size, channels))
    assert next(flac_lengths(wav(samples, rate_hz, "FLAC"))) == size


@pytest.mark.parametrize("declared", [0, 30_000])
@pytest.mark.parametrize("cut", [1, 2, 100, 2000])
def test_flac_cut_off_in_its_last_frame_is_read_up_to_it(declared: int, cut: int) -> None:
    read, _ = read_clip(with_length(FILE, declared)[:-cut])
    np.testing.assert_array_equal(read, READ[: 7 * 4096])


def test_flac_with_a_damaged_frame_is_refused() -> None:
    damaged = bytearray(FILE)
    damaged[len(FILE) // 2] ^= 255
    for declared in (0, 30_000):
        with pytest.raises(InvalidAudio, match="damaged"):
            read_clip(with_length(bytes(damaged), declared))


def test_flac_ignores_data_after_the_last_frame() -> None:
    for trailer in (b"TAG" + bytes(125), b"\xff\xf8\xff\xf9" * 50, bytes(1000)):
        np.testing.assert_array_equal(read_clip(FILE + trailer)[0], READ)


def test_flac_lengths_of_an_intact_file() -> None:
    assert declared_length(FILE) == 30_000
    assert list(flac_lengths(FILE)) == [30_000, 28_672, 24_576]
    assert list(flac_lengths(FILE[:42] + b"\xff\xf8" * 500_000)) == []


def test_flac_uses_the_declared_length_if_frames_mislead() -> None:
    file = bytearray(FILE)
    file[10:12] = (8192).to_bytes(2, "big")  # a block size that no frame has, so that the frame numbers mislead
    np.testing.assert_array_equal(read_clip(bytes(file))[0], READ)
