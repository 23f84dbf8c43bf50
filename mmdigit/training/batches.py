"""Training batches: augmented pictures and sounds of the same digits, with some that are no digits among them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soxr  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdigit.audio import N_SAMPLES, SAMPLE_RATE_HZ, Waveform, place
from mmdigit.training.augment import (
    Chance,
    augment_pictures,
    augment_waveforms,
    not_words,
    spoiled_pictures,
)
from mmdigit.training.data import Clip, Digits

NEGATIVE_SHARE = 0.12  # of the pictures, and of the sounds, are no digits
ABSENT_SHARE = 0.1  # of the pictures, and of the sounds, are hidden from the fusion
# How often each source is drawn: everyday speakers are few and count more than their number.
SOURCE_SHARE = {"fsdd": 0.38, "speech-commands": 0.24, "cs566": 0.16, "espeak": 0.22}
SPEEDS = (1.0, 0.84, 0.9, 0.95, 1.06, 1.12, 1.2)  # resampled: tempo, pitch and vocal tract change together


@dataclass(frozen=True)
class TrainingSets:
    """What a training reads. glyphs: (N, 28, 28), uint8, 255 = ink."""

    digits: Digits
    clips: Sequence[Clip]
    glyphs: NDArray[np.uint8]
    validation_digits: Digits
    validation_clips: Sequence[Clip]


class ClipBank:
    """All clips at several speeds, placed and ready to be drawn by label.

    sounds: (N, N_SAMPLES), int16 to save memory.
    """

    def __init__(self, clips: Sequence[Clip], speeds: Sequence[float] = SPEEDS) -> None:
        with ThreadPoolExecutor(2) as pool:
            placed = list(pool.map(lambda clip: [_at_speed(clip.waveform, speed) for speed in speeds], clips))
        self.sounds = np.array(placed, np.int16).reshape(-1, N_SAMPLES)
        labels = np.repeat([-1 if clip.label is None else clip.label for clip in clips], len(speeds))
        sources = np.repeat([clip.source for clip in clips], len(speeds))
        self._rows = [np.flatnonzero(labels == label) for label in range(-1, 10)]  # [0] = no digit
        self._shares = []
        for rows in self._rows:
            share = np.zeros(rows.size)
            for source in set(sources[rows]):
                same = sources[rows] == source
                share[same] = SOURCE_SHARE.get(str(source), 0.2) / same.sum()
            self._shares.append(np.cumsum(share / share.sum()) if rows.size else share)

    def draw(self, labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """A row of `sounds` for each label (B,); -1 = another word."""
        points = random.random(labels.size)
        chosen = np.empty(labels.size, np.int64)
        for label in np.unique(labels):
            wanted = labels == label
            rows, shares = self._rows[label + 1], self._shares[label + 1]
            chosen[wanted] = rows[np.minimum(np.searchsorted(shares, points[wanted]), rows.size - 1)]
        return chosen

    @property
    def has_words(self) -> bool:
        return self._rows[0].size > 0

    def waveforms(self, rows: NDArray[np.int64]) -> Tensor:
        """(B, N_SAMPLES), range [-1, 1]."""
        return torch.from_numpy(self.sounds[rows].astype(np.float32) / 32767)


def _at_speed(waveform: Waveform, speed: float) -> NDArray[np.int16]:
    if speed != 1.0:
        waveform = soxr.resample(waveform, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="MQ")
    return np.round(place(waveform) * 32767).astype(np.int16)


@dataclass(frozen=True)
class Batch:
    """One training batch. image: (B, 1, 28, 28); waveform: (B, N_SAMPLES); the others (B,)."""

    image: Tensor
    waveform: Tensor
    label: Tensor
    image_is_digit: Tensor
    audio_is_digit: Tensor
    image_present: Tensor
    audio_present: Tensor


def batches(sets: TrainingSets, bank: ClipBank, batch_size: int, seed: int) -> Iterator[Batch]:
    """One epoch over the handwritten digits, in an order and with an augmentation that depend on the seed alone."""
    random = np.random.default_rng(seed)
    chance = Chance(torch.Generator().manual_seed(seed))
    order = random.permutation(sets.digits.labels.size)
    for start in range(0, order.size - batch_size + 1, batch_size):
        yield _batch(sets, bank, order[start : start + batch_size], random, chance)


def _batch(
    sets: TrainingSets, bank: ClipBank, rows: NDArray[np.int64], random: np.random.Generator, chance: Chance
) -> Batch:
    labels = sets.digits.labels[rows]
    pictures = torch.from_numpy(sets.digits.pictures[rows].astype(np.float32) / 255)[:, None]
    image_is_digit = random.random(labels.size) >= NEGATIVE_SHARE
    spoiled = np.flatnonzero(~image_is_digit)
    glyphs = spoiled[: spoiled.size * 2 // 3 if sets.glyphs.size else 0]
    if glyphs.size:
        drawn = sets.glyphs[random.integers(0, sets.glyphs.shape[0], glyphs.size)]
        pictures[torch.from_numpy(glyphs)] = torch.from_numpy(drawn.astype(np.float32) / 255)[:, None]
    pictures = augment_pictures(pictures, chance)
    others = torch.from_numpy(spoiled[glyphs.size :])
    if others.numel():
        pictures[others] = spoiled_pictures(pictures[others], chance)

    audio_is_digit = random.random(labels.size) >= NEGATIVE_SHARE
    unspoken = np.flatnonzero(~audio_is_digit)
    words = unspoken[: unspoken.size * 2 // 3 if bank.has_words else 0]
    wanted = labels.copy()
    wanted[words] = -1
    waveforms = bank.waveforms(bank.draw(wanted, random))
    babble = bank.waveforms(random.integers(0, bank.sounds.shape[0], 64))
    noises = torch.from_numpy(unspoken[words.size :])
    if noises.numel():
        waveforms[noises] = not_words(waveforms[noises], chance)
    waveforms = augment_waveforms(waveforms, babble, chance)

    hidden = random.random(labels.size)
    return Batch(
        image=pictures,
        waveform=waveforms,
        label=torch.from_numpy(labels),
        image_is_digit=torch.from_numpy(image_is_digit),
        audio_is_digit=torch.from_numpy(audio_is_digit),
        image_present=torch.from_numpy((hidden >= ABSENT_SHARE).astype(np.float32)),
        audio_present=torch.from_numpy((hidden < 1 - ABSENT_SHARE).astype(np.float32)),
    )
