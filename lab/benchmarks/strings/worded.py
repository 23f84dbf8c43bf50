"""python -m lab.benchmarks.strings.worded: spoken numbers with "double", "triple" or "no" in them, and without.

Joined: digits of one person whom no training has heard, or of one data set's people, with such a word at a random
place; "no" is said by such people, too. In one breath: a synthesizer's voice says all. No data set here has "double" or
"triple": flite and pico2wave say them, as far as they are installed (`apt-get install flite libttspico-utils`), whose
voices did not teach these words. Nothing may be tuned on these numbers.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lab.benchmarks.strings.command import measured
from lab.benchmarks.strings.joining import Condition, join
from lab.benchmarks.strings.people import Speaker, draw_speakers, load_speakers, load_word
from lab.kit.report import progress
from mmdigit.numbers.frame_evidence import NUMBER_WORDS
from mmdigit.numbers.number_words import TIMES
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.training.data.pronunciations import DIGIT_WORDS, FLITE, PICO_ENGLISH
from mmdigit.training.data.speech_engines import ENGINES, Utterance
from mmdigit.training.data.spoken_strings import trim
from schemas.errors import DataError

MODULE = "lab.benchmarks.strings.worded"
VOICES = {"flite": FLITE, "pico": PICO_ENGLISH}
CONDITIONS = (Condition(100), Condition(20), Condition(100, 20.0), Condition(100, phone=True))
SAID = 6  # digits, before one is said twice or three times, or taken back
SEED = 7


class Said(NamedTuple):
    """tokens: what is said, digits and NUMBER_WORDS; digits: the number."""

    tokens: tuple[int | str, ...]
    digits: tuple[int, ...]


def drawn(digits: Sequence[int], word: str, random: np.random.Generator) -> Said:
    """The digits with this word at a random place; "" = none."""
    place = int(random.integers(1 if word == "no" else 0, len(digits)))
    before, after = tuple(digits[:place]), tuple(digits[place:])
    if not word:
        return Said(tuple(digits), tuple(digits))
    kept = before[:-1] if word == "no" else before + after[:1] * (TIMES[word] - 1)
    return Said((*before, word, *after), kept + after)


class Voices:
    """The synthesizers' voices that did not teach NUMBER_WORDS. Raises DataError if no synthesizer is installed."""

    def __init__(self) -> None:
        self._engines = [engine for engine in ENGINES if engine.name in VOICES and shutil.which(engine.program)]
        if not self._engines:
            raise DataError("expected flite or pico2wave, got neither; apt-get install flite libttspico-utils")

    @property
    def names(self) -> list[str]:
        """Of the synthesizers."""
        return [engine.program for engine in self._engines]

    def say(self, text: str, random: np.random.Generator) -> Waveform:
        """The text in one breath, trimmed."""
        engine = self._engines[random.integers(len(self._engines))]
        voices = [voice for lexicon in VOICES[engine.name] for voice in lexicon.voices]
        voice = str(random.choice(voices))
        [file] = engine.speak(engine.program, [Utterance(engine.name, voice, text, -1, 0.5, 1.2, 1.0)])
        return trim(read_waveform(file))


def joined(
    speakers: Sequence[Speaker], words: dict[str, list[Waveform]], word: str, count: int, condition: Condition
) -> Iterator[tuple[Waveform, Said]]:
    """Numbers of each of the speakers' sources in turn, with one of these recordings of the word."""
    random = np.random.default_rng([SEED, CONDITIONS.index(condition)])
    for speaker in draw_speakers(speakers, count, random):
        clips = speaker.clips
        said = drawn([int(digit) for digit in random.choice(sorted(clips), SAID)], word, random)
        recordings = [clips[each] if isinstance(each, int) else words[each] for each in said.tokens]
        chosen = [each[random.integers(len(each))] for each in recordings]
        yield join(chosen, said.digits, condition, random).waveform, said


def in_one_breath(voices: Voices, word: str, count: int, condition: Condition) -> Iterator[tuple[Waveform, Said]]:
    random = np.random.default_rng([SEED, CONDITIONS.index(condition), 1])
    for _ in range(count):
        said = drawn(random.integers(10, size=SAID).tolist(), word, random)
        spelled = [
            f"{each}," if each == "no" else DIGIT_WORDS[each] if isinstance(each, int) else each for each in said.tokens
        ]
        waveform = voices.say(" ".join(spelled), random)
        yield join([waveform], said.digits, condition, random).waveform, said


def measure(reader: SpokenReader, numbers: Sequence[tuple[Waveform, Said]]) -> dict[str, int]:
    """How many are right, the count known and not."""
    found = {"numbers": len(numbers), "known": 0, "unknown": 0}
    for waveform, said in numbers:
        value = "".join(map(str, said.digits))
        found["known"] += reader.read_waveform(waveform, len(value)).value == value
        found["unknown"] += reader.read_waveform(waveform).value == value
    return found


def run(data: Path, count: int) -> dict[str, Any]:
    """count: numbers of each pause and sound."""
    reader, voices, random = SpokenReader(Predictor.load()), Voices(), np.random.default_rng(SEED)
    speakers = load_speakers(data, "figures")
    words = {word: [voices.say(word, random) for _ in range(40)] for word in TIMES}
    words["no"] = load_word(data, "figures", "no")
    ways: dict[str, Callable[[str, Condition], Iterator[tuple[Waveform, Said]]]] = {
        "joined": lambda word, condition: joined(speakers, words, word, count, condition),
        "in one breath": lambda word, condition: in_one_breath(voices, word, count, condition),
    }
    cells = [(way, word) for way in ways for word in (*NUMBER_WORDS, "")]
    found: dict[str, dict[str, dict[str, int]]] = {way: {} for way in ways}
    for way, word in progress(cells, f"{len(cells) * len(CONDITIONS) * count} numbers"):
        numbers = [number for condition in CONDITIONS for number in ways[way](word, condition)]
        found[way][word or "none"] = measure(reader, numbers)
    return {"numbers": found, "recordings_of_no": len(words["no"]), "voices": voices.names}


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = ["| | word | numbers | right, count known | right, count unknown |", "|---|---|---|---|---|"]
    for way, words in result["numbers"].items():
        for word, row in words.items():
            known, unknown = (f"{100 * row[name] / row['numbers']:.0f} %" for name in ("known", "unknown"))
            lines.append(f"| {way} | {word} | {row['numbers']} | {known} | {unknown} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program(MODULE, lambda given: measured(MODULE, "numbers", __doc__, given, run, table), argv)


if __name__ == "__main__":
    raise SystemExit(main())
