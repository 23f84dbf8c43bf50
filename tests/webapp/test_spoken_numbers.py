"""The page hears spoken numbers as mmdigit/numbers does: the same places, digits, confidences and reasons."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from lab.benchmarks.strings.joining import Condition
from mmdigit.numbers.boundaries import find_boundaries
from mmdigit.numbers.decoding import MAX_DIGITS, count_scores, decode
from mmdigit.numbers.frame_evidence import heard_ends, span_log_odds
from mmdigit.numbers.lattice import Lattice
from mmdigit.numbers.number_words import NumberWord, find_number_words, place_digits, taken, without_speech_of
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.numbers.spoken import _spans
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.audio.normalize import Waveform, read_recording, speech_windows
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.clips import tone
from tests.webapp.javascript import ModulePage, module_page
from tests.webapp.numbers import PACK, say, spoken_numbers

TOLERANCE = 5e-4
"""Of confidences: differences of the model's outputs (test_model.py) weigh more in the logarithms of small ones. The
largest seen is 7e-5."""
REAL = Path(os.environ.get("MMDIGIT_DATA", "")) / "spoken-strings" / "10001-90210-01803.wav"
CASES = Path("tests/cases/number-words")
NUMBERS = ("confidence", "runner_up_confidence", "start_s", "end_s")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[ModulePage]:
    with module_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def reader() -> SpokenReader:
    return SpokenReader(Predictor.load())


def odd_sounds() -> list[Waveform]:
    """Silence, noise, a tone, a hum under speech, a level that drifts, clipped and reversed speech, a few frames."""
    random = np.random.default_rng(3)
    spoken = say("4711", Condition(100)).waveform
    time_s = np.arange(spoken.size) / 8000
    made: list[NDArray[Any]] = [
        np.zeros(16_000), random.normal(0, 0.1, 40_000), tone(3.0), spoken + 0.05 * np.sin(2 * np.pi * 50 * time_s),
        spoken + 0.3 * np.exp(-time_s), 8 * spoken, spoken[::-1], spoken[3000:3400], spoken[2000:3200],
    ]  # fmt: skip
    return [np.asarray(np.clip(each, -1, 1), np.float32) for each in made]


def heard(waveforms: Sequence[Waveform]) -> list[NDArray[np.int64]]:
    """Frames of each where digits may be heard to begin or end, some of them outside."""
    random = np.random.default_rng(10)
    return [random.integers(-30, each.size // 80 + 30, 12) for each in waveforms]


def sent_with(waveforms: Sequence[Waveform], ends: Sequence[NDArray[np.int64]]) -> list[tuple[Any, Any]]:
    return [(waveform, each.astype(np.int32)) for waveform, each in zip(waveforms, ends, strict=True)]


def random_lattices(count: int) -> list[Lattice]:
    """Of 2 to 40 places with up to 60 spans; some have no span, and some no place."""
    random = np.random.default_rng(5)
    made = [Lattice(np.zeros(0), 3.0, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 10)))]
    for _ in range(count):
        size, spans = int(random.integers(2, 41)), int(random.integers(0, 61))
        ends = np.sort(np.stack([random.integers(0, size - 1, spans), random.integers(1, size, spans)]), axis=0)
        first, last = ends[:, ends[0] < ends[1]]
        left_out = np.cumsum(random.uniform(0, 2, size))
        scores = np.log(random.dirichlet(np.full(10, 0.2), first.size) + 1e-9) + random.normal(0, 2, (first.size, 1))
        made.append(Lattice(left_out, float(left_out[-1]) + 1.0, first, last, scores))
    return made


def sent(lattice: Lattice) -> dict[str, Any]:
    """As js/numbers/decoding.js has it."""
    return {
        "leftOut": lattice.left_out,
        "allLeftOut": lattice.all_left_out,
        "first": lattice.first.astype(np.int32),
        "last": lattice.last.astype(np.int32),
        "scores": lattice.scores.ravel(),
    }


def in_page(words: Sequence[NumberWord]) -> list[dict[str, Any]]:
    """As js/numbers/number_words.js has them."""
    return [{"word": word.word, "timeS": word.time_s, "logOdds": word.log_odds} for word in words]


def difference(got: Any, want: dict[str, Any]) -> float:
    """The largest, of confidences and times. Everything else must be equal."""
    pairs = [(got["confidence"], want["confidence"])]
    for one, other in zip(got["digits"], want["digits"], strict=True):
        pairs += [(one[name], other[name]) for name in NUMBERS]
        assert {**one, **dict.fromkeys(NUMBERS)} == {**other, **dict.fromkeys(NUMBERS)}
    same = {"digits": None, "confidence": None}
    assert {**got, **same} == {**want, **same}
    return max(abs(float(one) - float(other)) for one, other in pairs)


def check(page: ModulePage, reader: SpokenReader, cases: Sequence[tuple[Waveform, int | None]]) -> list[dict[str, Any]]:
    """The page's answers, which are Python's."""
    answers = page.call("model/reader.js", "hearInPage", cases)
    wanted = [json.loads(json.dumps(reader.read_waveform(*case).as_json())) for case in cases]
    for want in wanted:
        del want["messages"]  # words are the page's own
    assert max(difference(got, want) for got, want in zip(answers, wanted, strict=True)) < TOLERANCE
    return answers


def test_boundaries_are_the_same(page: ModulePage) -> None:
    waveforms = [*(number.waveform for number in spoken_numbers(4)), *odd_sounds()]
    ends = heard(waveforms)
    every = page.call("numbers/boundaries.js", "findBoundaries", sent_with(waveforms, ends))
    spans = page.call("numbers/spoken.js", "findSpans", [(found,) for found in every])
    for waveform, each, found, pairs in zip(waveforms, ends, every, spans, strict=True):
        wanted = find_boundaries(waveform, each)
        for name in ("frames", "quiet", "heard"):
            assert found[name].tolist() == getattr(wanted, name).tolist()
        np.testing.assert_allclose(found["speech"], wanted.speech, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found["loudness"], wanted.loudness, rtol=1e-9, atol=1e-9)
        assert found["totalSpeech"] == pytest.approx(wanted.total_speech)
        for got, want in zip((pairs["first"], pairs["last"]), _spans(wanted), strict=True):
            assert got.tolist() == want.tolist()


def test_ends_are_heard_alike(page: ModulePage) -> None:
    random = np.random.default_rng(11)
    odds = [random.normal(-6, 4, (size, 13)) for size in (0, 1, 2, 9, 200)]
    asked = [(each[:, :10].ravel(), each[:, 10:].ravel()) for each in odds]
    found = page.call("numbers/frame_evidence.js", "heardEnds", asked)
    assert [sorted(set(each)) for each in found] == [heard_ends(each).tolist() for each in odds]


def test_odds_of_spans_are_the_same(page: ModulePage) -> None:
    random = np.random.default_rng(6)
    cases = []
    for size in (0, 1, 2, 9, 30):
        times_s = np.sort(random.choice(np.arange(300), size, replace=False)) / 100
        first, last = np.triu_indices(size, 1)
        cases.append((random.normal(0, 4, (60, 10)), first, last, times_s))
    found = page.call(
        "numbers/frame_evidence.js",
        "spanLogOdds",
        [(odds.ravel(), first.astype(np.int32), last.astype(np.int32), times) for odds, first, last, times in cases],
    )
    for case, got in zip(cases, found, strict=True):
        np.testing.assert_allclose(np.reshape(got, (-1, 10)), span_log_odds(*case), rtol=1e-9)


def test_words_change_numbers_alike(page: ModulePage) -> None:
    random = np.random.default_rng(8)
    odds = [random.normal(-1, 2, (size, 3)) for size in (0, 1, 5, 40, 40)]
    found = page.call("numbers/number_words.js", "findNumberWords", [(each.ravel(),) for each in odds])
    words = [find_number_words(each) for each in odds]
    for got, want in zip(found, words, strict=True):
        assert [each["word"] for each in got] == [each.word for each in want]
        np.testing.assert_allclose([each["timeS"] for each in got], [each.time_s for each in want])
        np.testing.assert_allclose([each["logOdds"] for each in got], [each.log_odds for each in want])
    times = [np.sort(random.uniform(0, 1.8, 6)).tolist() for _ in words]
    said = [*words, (), *(each[:1] for each in words[1:])]
    cases = list(zip(said, [*times, *times], strict=False))
    places = page.call("numbers/number_words.js", "placeDigits", [(in_page(each), at) for each, at in cases])
    wanted = [place_digits(*case) for case in cases]
    assert places == [None if each is None else list(each) for each in wanted]
    assert {None, tuple(range(6))} < set(wanted)
    spans = np.sort(random.integers(0, 200, (300, 2)), axis=1) * (80 / 8000)
    for each in words:
        asked = [(in_page(each), *span) for span in spans.tolist()]
        assert page.call("numbers/number_words.js", "isTaken", asked) == taken(each, *spans.T).tolist()
    waveforms = [number.waveform for number in spoken_numbers(1)][: len(words)]
    ends = heard(waveforms)
    every = page.call("numbers/boundaries.js", "findBoundaries", sent_with(waveforms, ends))
    silent = page.call("numbers/number_words.js", "withoutSpeechOf", list(zip(found, every, strict=True)))
    for got, spoken, waveform, frames in zip(silent, words, waveforms, ends, strict=True):
        quiet = without_speech_of(spoken, find_boundaries(waveform, frames))
        np.testing.assert_allclose(got["speech"], quiet.speech, atol=1e-9)
        assert got["totalSpeech"] == pytest.approx(quiet.total_speech)


def test_lattices_are_decoded_alike(page: ModulePage) -> None:
    lattices = random_lattices(60)
    counts = page.call("numbers/decoding.js", "countScores", [(sent(lattice), 12) for lattice in lattices])
    for lattice, found in zip(lattices, counts, strict=True):
        np.testing.assert_allclose(found, count_scores(lattice, 12), rtol=1e-9)
    cases = [(lattice, count) for lattice in lattices for count in (1, 2, 5, MAX_DIGITS)]
    found = page.call("numbers/decoding.js", "decode", [(sent(lattice), count) for lattice, count in cases])
    none = 0
    for (lattice, count), got in zip(cases, found, strict=True):
        want = decode(lattice, count)
        none += want is None
        if want is None or got is None:
            assert got is want
            continue
        assert got["spans"] == want.spans.tolist()
        np.testing.assert_allclose(np.array(got["scores"]), want.scores, rtol=1e-9)
    assert 0.2 < none / len(cases) < 0.8


def test_numbers_are_heard_alike(page: ModulePage, reader: SpokenReader) -> None:
    numbers = spoken_numbers(4)
    cases: list[tuple[Waveform, int | None]] = [(number.waveform, None) for number in numbers]
    cases += [(number.waveform, len(number.digits) + number.digits[0] % 3) for number in numbers[::3]]
    answers = check(page, reader, cases)
    reasons = {reason for answer in answers for reason in answer["reasons"]}
    assert reasons >= {"not_confirmed", "wrong_count", "low_confidence"}
    right = [
        answer["value"] == "".join(map(str, number.digits)) for answer, number in zip(answers, numbers, strict=False)
    ]
    assert np.mean(right) > 0.6


def test_what_is_no_number_is_heard_alike(page: ModulePage, reader: SpokenReader) -> None:
    answers = check(page, reader, [(waveform, count) for waveform in odd_sounds() for count in (None, 4, MAX_DIGITS)])
    assert {"silence", "no_digit"} <= {reason for answer in answers for reason in answer["reasons"]}


def test_prompts_are_heard_alike(page: ModulePage, reader: SpokenReader) -> None:
    (answer,) = check(page, reader, [(read_recording(spoken_wav("4711-0289")), 8)])
    assert (answer["value"], answer["acceptable_if_confirmed"]) == ("47110289", True)


def test_number_words_are_heard_alike(page: ModulePage, reader: SpokenReader) -> None:
    numbers = {"2-double-5-8-3": "25583", "6-1-5-8-2": "61582", "8-3-no-4-2": "842", "triple-0-5-6": "00056"}
    waveforms = [read_recording((CASES / f"{said}.flac").read_bytes()) for said in numbers]
    answers = check(page, reader, [(waveform, count) for waveform in waveforms for count in (None, 5)])
    assert [answer["value"] for answer in answers[::2]] == list(numbers.values())


def test_digit_said_again_may_follow_a_no(page: ModulePage) -> None:
    recordings = [(CASES / "no-7.flac").read_bytes(), (PACK / "7_00.wav").read_bytes()]
    again = page.call("listen/again.js", "hearAgain", [(read_recording(each),) for each in recordings])
    assert [answer["label"] for answer in again] == [7, 7]
    windows = [(waveform,) for waveform in speech_windows([read_recording(recordings[0])])]
    [whole] = page.call("model/reader.js", "readInPage", [({"waveform": window},) for (window,) in windows])
    assert whole["label"] != 7  # with the word before it


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_fluent_speech_is_heard_alike(page: ModulePage, reader: SpokenReader) -> None:
    waveform = read_recording(REAL.read_bytes())
    check(page, reader, [(waveform, count) for count in (None, 15)])
