"""The page reads a line of written digits as mmdigit/numbers does, step by step and as a whole."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from mmdigit.numbers.line_ink import LINE_HEIGHT, LineInk, find_line, subtract_paper
from mmdigit.numbers.pieces import cut_pieces
from mmdigit.numbers.rules import remove_rules
from mmdigit.numbers.spans import find_spans
from mmdigit.numbers.written import LineReader
from mmdigit.numbers.written_number import WrittenNumber
from mmdigit.reading.image.decode import Photo
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.numbers.drawing import row_of
from tests.webapp.javascript import ModulePage, module_page

ROUNDING = 1e-5
WARPED = 5e-3
"""Of ink: where a line is turned, sums of its components are rounded in another order."""
TOLERANCE = 0.01
"""Of confidences. The largest seen is 0.004, of a turned line; of others 1e-6."""
NUMBERS = ([4, 7, 1, 8, 2, 0], [0, 0, 8, 4], [5, 9, 3, 6, 1], [2, 4, 8, 0, 7, 7, 3])


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[ModulePage]:
    with module_page(browser) as opened:
        yield opened


def photograph(digits: list[int], gap: int, scale: float = 1.0, tilt: float = 0.0, seed: int = 0) -> Grey:
    """A line on unevenly lit paper with grain. tilt: in degrees."""
    line, _ = row_of(digits, [gap] * (len(digits) - 1))
    random = np.random.default_rng(seed)
    lit = line / 255 * (0.9 - 0.3 * np.linspace(0, 1, line.shape[1])) + random.normal(0, 0.01, line.shape)
    grey = np.asarray(lit, np.float32)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method), np.float32)
    turn = cv2.getRotationMatrix2D((grey.shape[1] / 2, grey.shape[0] / 2), tilt, 1)
    grey = np.asarray(cv2.warpAffine(grey, turn, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.float32)
    return grey.clip(0, 1)


def ruled(grey: Grey) -> Grey:
    """With a rule through the digits and the upright sides of a frame."""
    drawn = grey.copy()
    drawn[grey.shape[0] * 5 // 9 : grey.shape[0] * 5 // 9 + 3] *= 0.6
    drawn[:, [8, 9, -9, -8]] *= 0.5
    return drawn


def photos() -> list[Grey]:
    plain = [photograph(digits, gap) for digits, gap in zip(NUMBERS, (12, -14, 4, -4), strict=True)]
    return [
        *plain,
        photograph(NUMBERS[3], 6, scale=1.6),
        photograph(NUMBERS[0], 10, scale=0.5),
        photograph(NUMBERS[0], 10, tilt=4.0),
        ruled(plain[0]),
        1 - plain[0],
        np.concatenate([plain[0], plain[0]]),
        np.full((90, 300), 0.8, np.float32),
    ]


def found_lines() -> list[LineInk]:
    return [line for photo in photos() if (line := find_line(photo)) is not None]


def test_paper_and_rules_are_the_same(page: ModulePage) -> None:
    cases = [(photo, height) for photo in [*photos()[:2], ruled(photos()[0])] for height in (23.0, 56.0)]
    expected = [subtract_paper(*case) for case in cases]
    for (ink, floor), (want, least) in zip(
        page.call("numbers/line_ink.js", "subtractPaper", cases), expected, strict=True
    ):
        np.testing.assert_allclose(ink, want, rtol=0, atol=ROUNDING)
        assert floor == pytest.approx(least, rel=1e-4)
    inks = [(ink, floor, height) for (ink, floor), (_, height) in zip(expected, cases, strict=True)]
    had = 0
    for (ink, had_rules), case in zip(page.call("numbers/rules.js", "removeRules", inks), inks, strict=True):
        want_ink, want_rules = remove_rules(*case)
        np.testing.assert_allclose(ink, want_ink, rtol=0, atol=ROUNDING)
        assert had_rules == want_rules
        had += had_rules
    assert 0 < had < len(inks)


@pytest.mark.parametrize("cubic", [False, True])
def test_warp_is_that_of_opencv(page: ModulePage, cubic: bool) -> None:
    picture = photos()[0]
    maps = [[[0.7, 0.02, 3.2], [-0.02, 0.7, 1.7]], [[1.03, -0.1, -4.0], [0.1, 1.03, 90.5]]]
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    cases = [(picture, each, 200, 60, {"cubic": cubic}) for each in maps]
    for found, each in zip(page.call("decoding/primitives/warp.js", "warp", cases), maps, strict=True):
        to_picture = np.array(each, np.float32)
        want = cv2.warpAffine(picture, to_picture, (200, 60), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-4)


def test_lines_are_found_alike(page: ModulePage) -> None:
    every = photos()
    for found, photo in zip(
        page.call("numbers/line_ink.js", "findLine", [(each,) for each in every]), every, strict=True
    ):
        want = find_line(photo)
        assert (found is None) == (want is None)
        if want is None:
            continue
        np.testing.assert_allclose(found["ink"], want.ink, rtol=0, atol=WARPED)
        np.testing.assert_allclose(np.array(found["toPhoto"]), want.to_photo, rtol=0, atol=1e-2)
        assert (found["severalLines"], found["ruled"]) == (want.several_lines, want.ruled)
        assert found["contrast"] == pytest.approx(want.contrast, abs=WARPED)


def test_ink_is_cut_alike(page: ModulePage) -> None:
    lines = found_lines()
    cuts = page.call("numbers/pieces.js", "cutPieces", [(line.ink, line.inked, LINE_HEIGHT) for line in lines])
    spans = page.call("numbers/line_spans.js", "findLineSpans", [(cut, LINE_HEIGHT) for cut in cuts])
    for line, cut, found in zip(lines, cuts, spans, strict=True):
        want = cut_pieces(line.ink, line.inked, LINE_HEIGHT)
        assert cut["partOf"].tolist() == want.part_of.ravel().tolist()
        boxes = [[piece[side] for side in ("left", "top", "right", "bottom")] for piece in cut["pieces"]]
        assert boxes == want.boxes.tolist()
        assert [piece["area"] for piece in cut["pieces"]] == want.area.tolist()
        np.testing.assert_allclose(cut["cutInk"], want.cut_ink, rtol=0, atol=ROUNDING)
        expected = find_spans(want, LINE_HEIGHT)
        assert [(each["first"], each["last"]) for each in found] == [*zip(expected.first, expected.last, strict=True)]
        np.testing.assert_allclose(np.array([each["shape"] for each in found]), expected.shapes, rtol=0, atol=ROUNDING)


def check(got: dict[str, Any], want: WrittenNumber) -> None:
    assert (got["number"], got["other"], got["decision"]) == (want.number, want.other, want.decision)
    assert (got["reasons"], got["model_version"]) == (list(want.reasons), want.model_version)
    assert got["confidence"] == pytest.approx(want.confidence, abs=TOLERANCE)
    for one, other in zip(got["digits"], want.digits, strict=True):
        assert (one["label"], one["runner_up"]) == (other.label, other.runner_up)
        assert one["confidence"] == pytest.approx(other.confidence, abs=TOLERANCE)
        assert one["cut_sides"] == list(other.cut_sides)
        np.testing.assert_allclose(np.array(one["corners"]), np.array(other.corners), atol=0.2)


def test_numbers_are_read_alike(page: ModulePage) -> None:
    reader = LineReader(Predictor.load())
    cases = [(photo, count) for photo in photos() for count in (None, 6)]
    answers = page.call("model/reader.js", "readLineInPage", [({"grey": photo}, count) for photo, count in cases])
    wanted = [reader.read(Photo(photo, photo.shape[::-1]), count) for photo, count in cases]
    for got, want in zip(answers, wanted, strict=True):
        check(got, want)
    reasons = {reason for want in wanted for reason in want.reasons}
    assert reasons >= {"no_digits", "touching", "count_unclear", "count_differs", "several_lines", "low_confidence"}
    assert [answer["number"] for answer in answers[:2]] == ["471820"] * 2
