"""Recordings of single digits by person, and the numbers that they make, for tuning and for the figures.

The recordings that no training has seen are those of FSDD's splits (its six speakers are in training, with other
recordings) and those of the validation speakers of the other sets. Half of these people, and FSDD's validation split,
are for tuning; the other half, and FSDD's test split, for the figures alone.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lab.benchmarks.strings.joining import Condition, Number, join
from mmdigit.datasets.fsdd import list_recordings
from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, read_waveform
from mmdigit.training.data.splits import FOLDS, Clip, fold_of, load_clips
from mmdigit.training.data.spoken_strings import FRAME, trim
from schemas.errors import InvalidAudio
from schemas.job import MAX_AUDIO_BYTES

Half = Literal["tuning", "figures"]
SHORTEST, LONGEST = 15, 90  # frames of speech; in others, no speech stands out of the noise
LEAST_DIGITS = 3  # different ones that a person must have said
NOISE = "noise"  # in place of a word
MIXED = "speech-commands"
"""Most people of this set said one or two digits: its numbers mix voices."""


@dataclass(frozen=True, eq=False)
class Speaker:
    """A person, or the people of MIXED. clips: by digit, trimmed to the speech."""

    name: str
    source: str
    clips: dict[int, list[Waveform]]

    def say(self, length: int, condition: Condition, random: np.random.Generator) -> Number:
        """A random number of that many digits."""
        said = sorted(self.clips)
        digits = [said[place] for place in random.integers(len(said), size=length)]
        clips = [self.clips[digit][random.integers(len(self.clips[digit]))] for digit in digits]
        return join(clips, digits, condition, random)


def half_of(speaker: str) -> Half:
    """Of the validation speakers, fold 0 of FOLDS."""
    return "figures" if zlib.crc32(speaker.encode()) // FOLDS % 2 else "tuning"


def load_speakers(data: Path, half: Half) -> list[Speaker]:
    """Sorted by name. Raises DataError as load_clips."""
    held_out = [
        clip for clip in load_clips(data, "validation") if clip.source != "fsdd" and half_of(clip.speaker) == half
    ]
    fsdd = load_clips(data, "test" if half == "figures" else "validation")
    return speakers_of([*held_out, *(clip for clip in fsdd if clip.source == "fsdd")])


def speakers_of(clips: Sequence[Clip]) -> list[Speaker]:
    """Those who have said enough digits, sorted by name."""
    said: dict[str, dict[int, list[Waveform]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        if clip.label is None:
            continue
        speech = trim(clip.waveform)
        if SHORTEST <= speech.size / FRAME <= LONGEST:
            said[MIXED if clip.source == MIXED else clip.name][clip.label].append(speech)
    return [
        Speaker(name, name.partition("/")[0], dict(digits))
        for name, digits in sorted(said.items())
        if len(digits) >= LEAST_DIGITS
    ]


def numbers(
    speakers: Sequence[Speaker], condition: Condition, count: int, length: int, seed: int
) -> Iterator[tuple[Speaker, Number]]:
    random = np.random.default_rng(seed)
    for speaker in draw_speakers(speakers, count, random):
        yield speaker, speaker.say(length, condition, random)


def draw_speakers(speakers: Sequence[Speaker], count: int, random: np.random.Generator) -> Iterator[Speaker]:
    """Each source in turn, whose speaker is drawn."""
    sources = sorted({speaker.source for speaker in speakers})
    for number in range(count):
        of_source = [speaker for speaker in speakers if speaker.source == sources[number % len(sources)]]
        yield of_source[random.integers(len(of_source))]


def load_words(data: Path, half: Half) -> tuple[list[Waveform], list[Waveform]]:
    """Words that are no digits, trimmed, and background noises, of people whom no training has heard."""
    said = list(_held_out_words(data, half))
    words = [trim(waveform) for word, waveform in said if word != NOISE]
    return words, [waveform for word, waveform in said if word == NOISE]


def load_word(data: Path, half: Half, wanted: str) -> list[Waveform]:
    """That word, trimmed, as load_words."""
    return [trim(waveform) for word, waveform in _held_out_words(data, half) if word == wanted]


def _held_out_words(data: Path, half: Half) -> Iterator[tuple[str, Waveform]]:
    for each in list_recordings(data / "negatives-words", digits=range(0)):
        if fold_of(each.speaker) == 0 and half_of(each.speaker) == half:
            with suppress(InvalidAudio):  # silent noise
                waveform = read_waveform(read_regular(each.path, MAX_AUDIO_BYTES))
                yield each.word, waveform


def minute_of(clips: Sequence[Waveform], condition: Condition, random: np.random.Generator) -> Waveform:
    """A minute of these clips in a random order, joined as digits are."""
    chosen: list[Waveform] = []
    while sum(clip.size for clip in chosen) < 50 * SAMPLE_RATE_HZ:
        chosen.append(clips[int(random.integers(len(clips)))])
    return join(chosen, (), condition, random).waveform[: 60 * SAMPLE_RATE_HZ]
