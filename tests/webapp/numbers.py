"""Recordings of spoken numbers, joined from the sample pack's recordings of people: by pause, noise and band."""

from functools import cache
from pathlib import Path

import numpy as np

from lab.benchmarks.strings.joining import Condition, Number, join
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.training.data.spoken_strings import trim

PACK = Path("samples/pack/audio")
CONDITIONS = (
    *(Condition(pause_ms) for pause_ms in (300, 50, 0, -40)),
    Condition(100, 20.0),
    Condition(100, phone=True),
)


@cache
def clips() -> tuple[tuple[Waveform, ...], ...]:
    """Of each digit, trimmed to the speech."""
    return tuple(
        tuple(trim(read_waveform(path.read_bytes())) for path in sorted(PACK.glob(f"{digit}_*"))) for digit in range(10)
    )


def say(digits: str, condition: Condition, seed: int = 0) -> Number:
    """A recording of these digits, each by another person."""
    random = np.random.default_rng(seed)
    wanted = [int(digit) for digit in digits]
    return join([clips()[digit][random.integers(len(clips()[digit]))] for digit in wanted], wanted, condition, random)


def spoken_numbers(count: int, seed: int = 27) -> list[Number]:
    """Of 1 to 10 digits, in each of CONDITIONS."""
    random = np.random.default_rng(seed)
    return [
        say("".join(map(str, random.integers(10, size=int(random.integers(1, 11))))), condition, seed=number)
        for number in range(count)
        for condition in CONDITIONS
    ]
