"""What the synthesizers are to say, in which voices, drawn by a seed: digits, other words, numbers."""

from collections.abc import Sequence

import numpy as np

from mmdigit.training.data.pronunciations import NUMBER_WORDS, Lexicon
from mmdigit.training.data.speech_engines import Engine, Utterance
from mmdigit.training.data.spoken_strings import MAX_TOKENS, NUMBER_WORD_TOKENS

PAIR_SHARE = 0.2  # of the non-digits are two digits in a row
SIZES = (0.87, 1.16)  # of the speaker: scales pitch and formants together
PACES = (0.75, 1.4)  # words per minute, relative to the voice's own
NUMBER_WORD_SHARES = 0.12, 0.06, 0.08  # of the digits of such a string, that "double", "triple" or "no" changes
STRING_LENGTHS, STRING_PACES = (2, 9), (0.8, 1.7)
ZERO_SHARE = 0.18  # of the digits of a string
OH_SHARE = 0.5  # of the strings: zero is "oh" in them, its last spelling


def plan_clips(engines: Sequence[Engine], n_digits: int, n_words: int, seed: int) -> list[Utterance]:
    random = np.random.default_rng(seed)
    plan = []
    for number in range(n_digits + n_words):
        engine, lexicon, voice = _draw_voice(engines, random)
        pace = float(random.uniform(*PACES))
        label = number % 10 if number < n_digits else -1
        if label >= 0:
            text = str(random.choice(lexicon.digits[label]))
        elif random.random() < PAIR_SHARE:
            text = " ".join(str(random.choice(lexicon.digits[digit])) for digit in random.integers(0, 10, 2))
            pace *= 1.3  # so that both fit into the one second of the model's input
        else:
            text = str(random.choice(lexicon.others))
        pitch, size = float(random.random()), float(random.uniform(*SIZES))
        plan.append(Utterance(engine.name, voice, text, label, round(pitch, 3), round(pace, 3), round(size, 3)))
    return plan


def plan_number_words(engines: Sequence[Engine], count: int, seed: int) -> list[Utterance]:
    random = np.random.default_rng(seed)
    plan = []
    for number in range(count):
        engine, lexicon, voice = _draw_voice(engines, random)
        text = str(random.choice(lexicon.number_words[number % len(NUMBER_WORDS)]))
        plan.append(_no_digit(engine, voice, text, PACES, random))
    return plan


def plan_strings(engines: Sequence[Engine], count: int, seed: int) -> tuple[list[Utterance], list[tuple[int, ...]]]:
    """The utterances and the tokens of each; NUMBER_WORDS are in every second one."""
    random = np.random.default_rng(seed)
    plan, tokens = [], []
    for number in range(count):
        engine, lexicon, voice = _draw_voice(engines, random)
        length = random.integers(*STRING_LENGTHS, endpoint=True)
        said = tuple(random.choice(10, length, p=[ZERO_SHARE, *[(1 - ZERO_SHARE) / 9] * 9]).tolist())
        if number % 2:
            said = _with_words(said, random)
        zero = lexicon.digits[0][-1:] if random.random() < OH_SHARE else lexicon.digits[0][:-1]
        spellings = (zero, *lexicon.digits[1:], ("",), *lexicon.number_words)  # by token
        text = " ".join(str(random.choice(spellings[token])) for token in said)
        plan.append(_no_digit(engine, voice, text, STRING_PACES, random))
        tokens.append(said)
    return plan, tokens


def _with_words(digits: Sequence[int], random: np.random.Generator) -> tuple[int, ...]:
    """The digits, some after "double" or "triple", some taken back by "no"; as tokens."""
    tokens = []
    for digit in digits:
        word = random.choice(len(NUMBER_WORD_TOKENS) + 1, p=(*NUMBER_WORD_SHARES, 1 - sum(NUMBER_WORD_SHARES)))
        if word == len(NUMBER_WORD_TOKENS):
            tokens.append(digit)
        elif NUMBER_WORDS[word] == "no":
            tokens += [int(random.integers(10)), NUMBER_WORD_TOKENS[word], digit]
        else:
            tokens += [NUMBER_WORD_TOKENS[word], digit]
    return tuple(tokens[:MAX_TOKENS])


def _no_digit(
    engine: Engine, voice: str, text: str, paces: tuple[float, float], random: np.random.Generator
) -> Utterance:
    """The text, which is not one digit, at a random pitch, pace and size."""
    pitch, pace, size = (round(float(random.uniform(*ends)), 3) for ends in ((0, 1), paces, SIZES))
    return Utterance(engine.name, voice, text, -1, pitch, pace, size)


def _draw_voice(engines: Sequence[Engine], random: np.random.Generator) -> tuple[Engine, Lexicon, str]:
    engine = engines[_choose(random, [engine.share for engine in engines])]
    lexicon = engine.lexicons[_choose(random, [lexicon.share for lexicon in engine.lexicons])]
    return engine, lexicon, f"{random.choice(lexicon.voices)}{random.choice(engine.variants)}"


def _choose(random: np.random.Generator, shares: Sequence[float]) -> int:
    return int(random.choice(len(shares), p=np.array(shares) / sum(shares)))
