"""A photo of a line of digits, read from its bytes to the number."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmdigit.numbers.evidence import MOST_DIGITS
from mmdigit.numbers.span_model import load_fitted
from mmdigit.numbers.written import MAX_PHOTO_BYTES, PHOTO_SIDE, LineReader, decode_line_photo
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidImage
from tests.mmdigit.numbers.drawing import Picture, row_of

NUMBER = [4, 7, 1, 8, 2, 0]


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader(Predictor.load())


def file_of(line: Picture, kind: str = "PNG", scale: float = 1.0) -> bytes:
    image = Image.fromarray(line)
    buffer = io.BytesIO()
    image.resize((round(scale * image.width), round(scale * image.height))).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("count", [None, len(NUMBER)])
def test_digits_apart_are_read_with_their_places(reader: LineReader, count: int | None) -> None:
    line, boxes = row_of(NUMBER, [12] * 5)
    number = reader.read(decode_line_photo(file_of(line)), count)
    assert number.number == "471820"
    for digit, box in zip(number.digits, boxes, strict=True):
        assert digit.box == pytest.approx(box, abs=4)
        assert digit.cut_sides == ()
        assert digit.runner_up != digit.label
    assert set(number.reasons) <= {"low_confidence", "count_unclear"}
    assert (number.decision == "accept") == (number.reasons == ())
    assert number.other != number.number


def test_places_are_those_of_the_file_however_large(reader: LineReader) -> None:
    line, boxes = row_of(NUMBER, [12] * 5)
    scale = 2 * PHOTO_SIDE / line.shape[1]
    number = reader.read(decode_line_photo(file_of(line, "JPEG", scale)))
    assert number.number == "471820"
    for digit, box in zip(number.digits, boxes, strict=True):
        assert digit.box == pytest.approx([scale * side for side in box], abs=4 * scale)


def test_touching_digits_are_never_accepted(reader: LineReader) -> None:
    line, _ = row_of([0, 0, 8, 4], [-14, 12, 12])
    number = reader.read(decode_line_photo(file_of(line)), 4)
    assert number.decision == "review"
    assert "touching" in number.reasons
    assert number.digits[0].cut_sides == ("right",)


def test_another_count_than_given_goes_to_review(reader: LineReader) -> None:
    line, _ = row_of(NUMBER, [12] * 5)
    number = reader.read(decode_line_photo(file_of(line)), 4)
    assert number.decision == "review"
    assert "count_differs" in number.reasons


def test_two_lines_go_to_review(reader: LineReader) -> None:
    line, _ = row_of(NUMBER, [12] * 5)
    number = reader.read(decode_line_photo(file_of(np.concatenate([line, line]))))
    assert "several_lines" in number.reasons


def test_paper_without_digits_has_no_number(reader: LineReader) -> None:
    number = reader.read(decode_line_photo(file_of(np.full((100, 300), 220, np.uint8))))
    assert (number.number, number.decision, number.reasons) == ("", "review", ("no_digits",))


@pytest.mark.parametrize("count", [0, -1, MOST_DIGITS + 1])
def test_a_count_outside_the_range_is_refused(reader: LineReader, count: int) -> None:
    line, _ = row_of([1], [])
    with pytest.raises(ValueError, match="expected a count from 1 to"):
        reader.read(decode_line_photo(file_of(line)), count)


def test_another_model_accepts_nothing_until_it_is_fitted() -> None:
    line, _ = row_of([4, 7, 1, 8], [12] * 3)
    photo = decode_line_photo(file_of(line))
    predictor = Predictor.load()
    fitted = load_fitted().model_copy(update={"accept": 0.0, "model_version": predictor.model_version})
    assert LineReader(predictor, fitted).read(photo, 4).decision == "accept"
    other = fitted.model_copy(update={"model_version": "another"})
    assert LineReader(predictor, other).read(photo, 4).reasons == ("low_confidence",)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_clear_error(content: bytes) -> None:
    with pytest.raises(InvalidImage, match="expected a"):
        decode_line_photo(content)
    with pytest.raises(InvalidImage, match="expected a"):
        decode_line_photo(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(InvalidImage, match="expected at most"):
        decode_line_photo(bytes(MAX_PHOTO_BYTES + 1))


@given(st.integers(0, 2**32 - 1), st.integers(8, 120), st.integers(8, 300), st.sampled_from([2, 5, 11]))
@settings(max_examples=15, deadline=None)
def test_noise_is_never_accepted(reader: LineReader, seed: int, height: int, width: int, grain: int) -> None:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (-(-height // grain), -(-width // grain)), np.uint8)
    noise = np.kron(small, np.ones((grain, grain), np.uint8))[:height, :width]
    assert reader.read(decode_line_photo(file_of(noise))).decision == "review"
