"""The detector of a word's end, on real recordings pushed piece by piece."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from lab.benchmarks.strings.joining import Condition
from mmdigit.reading.audio.normalize import read_waveform, speech_window, to_waveform
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer
from tests.webapp.conftest import NewPage
from tests.webapp.numbers import say
from tests.webapp.sounds import call, encoded

PACK = sorted(Path("samples/pack/audio").iterdir())
HEAR = """
return given.recordings.map((text) => {
  const recording = samplesOf(text)
  const endpoint = new m.Endpoint(given.rateHz, m[given.limits])
  const states = []
  for (let at = 0; at < recording.length; at += given.piece) {
    const state = endpoint.push(recording.subarray(at, at + given.piece))
    if (state !== states.at(-1)) states.push(state)
    if (state === "done" || state === "no_speech") return { states, heard: at + given.piece, ...endpoint.span }
    if (at + given.piece < (given.finishAt ?? Infinity)) continue
    return { states: [...states, endpoint.finish()], heard: at, ...endpoint.span }
  }
  return { states, heard: recording.length, ...endpoint.span }
})"""
ONE_WORD = ["waiting", "speaking", "done"]

Samples = NDArray[np.float32]


def hear(
    page: Page,
    recordings: Sequence[Samples],
    piece: int = 160,
    rate_hz: int = 8000,
    limits: str = "ONE_WORD",
    finish_at: int | None = None,
) -> list[Any]:
    """What an Endpoint makes of each. limits: a name in endpoint.js. finish_at: the sample at which it has to end."""
    given = {
        "recordings": [encoded(recording) for recording in recordings],
        "piece": piece,
        "rateHz": rate_hz,
        "limits": limits,
        "finishAt": finish_at,
    }
    found: list[Any] = call(page, "sound/endpoint.js", HEAR, given)
    return found


def noise(seconds: float, level: float = 1e-3, seed: int = 0, rate_hz: int = 8000) -> Samples:
    return np.asarray(np.random.default_rng(seed).normal(0, level, round(seconds * rate_hz)), np.float32)


def in_noise(word: Samples, before_s: float = 0.7, level: float = 1e-3, seed: int = 0) -> Samples:
    """The word in three seconds of noise or more."""
    padded = np.pad(word, (round(8000 * before_s), 20_000))
    return np.asarray(padded + noise(padded.size / 8000, level, seed), np.float32)


def answers(waveforms: Sequence[Samples]) -> list[Answer]:
    clips = [speech_window(to_waveform(waveform[:, None].copy(), 8000)) for waveform in waveforms]
    return Predictor.load().predict([ModelInput(None, clip) for clip in clips])


def check(page: Page, words: Sequence[Samples]) -> None:
    """Each is heard as one word and ends soon after it; its answer is that of the whole recording."""
    befores = np.random.default_rng(5).uniform(0.2, 2.0, len(words))
    recordings = [
        in_noise(word, before, seed=seed) for seed, (word, before) in enumerate(zip(words, befores, strict=True))
    ]
    found = hear(page, recordings)
    cut = [recording[each["from"] : each["to"]] for recording, each in zip(recordings, found, strict=True)]
    pairs = list(zip(answers(cut), answers(recordings), strict=True))
    assert [each["states"] for each in found] == [ONE_WORD] * len(words)
    assert sum(one.label == other.label for one, other in pairs) >= 0.99 * len(words)
    assert sum(one.decision == other.decision for one, other in pairs) >= 0.95 * len(words)
    late_s = [
        (each["to"] - 8000 * before - word.size) / 8000
        for each, before, word in zip(found, befores, words, strict=True)
    ]
    assert max(late_s) < 0.8


def test_endpoint_hears_each_word_of_the_pack(new_page: NewPage) -> None:
    check(new_page(), [read_waveform(path.read_bytes()) for path in PACK])


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_endpoint_hears_each_word_of_fsdd(new_page: NewPage) -> None:
    folder = Path(os.environ["MMDIGIT_DATA"]) / "free-spoken-digit-dataset/recordings"
    check(new_page(), [read_waveform(path.read_bytes()) for path in sorted(folder.glob("*_0.wav"))])


def test_endpoint_waits_through_what_is_no_word(new_page: NewPage) -> None:
    """Nothing, noise, clicks, a microphone that starts late, a fan that starts: five seconds, then no speech."""
    clicks = noise(6)
    for at in range(4000, clicks.size, 9000):
        clicks[at : at + 160] += 0.5
    late = noise(6, 5e-3)
    late[:3000] = 0
    fan = noise(6)
    fan[12_000:] += noise(4.5, 0.02)
    recordings = [np.zeros(48_000, np.float32), noise(6), noise(6, 0.03), clicks, late, fan]
    for number, found in enumerate(hear(new_page(), recordings)):
        assert found["states"][-1] == "no_speech", number
        assert found["heard"] <= 8000 * 5.2, number


def test_endpoint_keeps_what_is_before_the_word(new_page: NewPage) -> None:
    word = read_waveform(Path("samples/pack/audio/7_01.flac").read_bytes())
    page = new_page()
    (found,) = hear(page, [in_noise(word, before_s=1.0)])
    assert 8000 * 0.6 < found["from"] < 8000 * 1.1
    (at_once,) = hear(page, [in_noise(word, before_s=0.0)])
    assert (at_once["states"], at_once["from"]) == (ONE_WORD, 0)


def test_endpoint_ends_what_goes_on(new_page: NewPage) -> None:
    words = [read_waveform(path.read_bytes()) for path in PACK[:20]]
    (found,) = hear(new_page(), [in_noise(np.concatenate(words), before_s=1.0)])
    assert found["states"] == ONE_WORD
    assert found["to"] - found["from"] <= 8000 * 3.31


def test_endpoint_hears_whole_numbers(new_page: NewPage) -> None:
    """With pauses of a second and a half, without any, and in noise; of nearly a minute; no more."""
    page = new_page()
    for condition in (Condition(1500), Condition(0), Condition(-40), Condition(100, 10.0), Condition(300, phone=True)):
        number = say("4711028936", condition).waveform
        (found,) = hear(page, [in_noise(number, before_s=1.0, level=2e-3)], limits="NUMBER")
        assert found["states"] == ONE_WORD, condition
        assert found["from"] <= 8000 * 1.3 + 800, (
            condition
        )  # before the first digit; the number begins with 0.3 s of room
        assert number.size + 8000 * 0.5 < found["to"] <= number.size + 8000 * 3.2, condition
    words = np.tile(say("47110289", Condition(100)).waveform, 12)
    (endless,) = hear(page, [in_noise(words, before_s=1.0)], limits="NUMBER")
    assert endless["states"] == ONE_WORD
    assert 8000 * 50 < endless["to"] - endless["from"] < 8000 * 60


def test_endpoint_ends_when_it_is_told(new_page: NewPage) -> None:
    page, recording = new_page(), in_noise(say("471", Condition(300)).waveform, before_s=1.0)
    for finish_at, last in ((4000, "no_speech"), (20_000, "done")):
        (found,) = hear(page, [recording], limits="NUMBER", finish_at=finish_at)
        assert (found["states"][-1], found["to"]) == (last, finish_at)


def test_endpoint_hears_alike_in_any_piece_and_rate(new_page: NewPage) -> None:
    page, recording = new_page(), in_noise(read_waveform(PACK[0].read_bytes()))
    ((whole,), (small,), (odd,)) = (hear(page, [recording], piece) for piece in (100_000, 80, 333))
    assert (whole["from"], whole["to"]) == (small["from"], small["to"]) == (odd["from"], odd["to"])
    (wide,) = hear(page, [np.repeat(recording, 6)], 960, 48_000)
    assert wide["states"] == ONE_WORD
    assert abs(wide["from"] / 6 - whole["from"]) < 800
