"""The sounds of a training: a bank of augmented clips as log-mels, made once and read by every seed and fold."""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, speech_window
from mmdigit.training.data.augment import Chance, augment_waveforms, not_words
from mmdigit.training.data.datasets import Clip
from mmdigit.training.fit.model import N_FRAMES, N_MELS, LogMel
from mmdigit.training.fit.plan import AudioPlan
from schemas.errors import DataError

CHUNK = 512  # rows made together
SLOWEST, FASTEST = 0.8, 1.25  # resampled: tempo, pitch and vocal tract change together
SPEED_CHANGED = 0.75  # of the rows
PLACED_AGAIN = 0.5  # of the rows pass the decoder's search for the spoken part after the noise is added
BABBLE_CLIPS = 400
RECORDED = ("fsdd", "speech-commands", "cs566")  # the left-out are among theirs, so babble is synthetic if it can
NOT_A_DIGIT = -1


@dataclass(frozen=True)
class Bank:
    """Augmented clips.

    features: (N, N_FRAMES, N_MELS), float16 log-mels; labels: (N,), NOT_A_DIGIT for other sounds; clips: (N,), which
    of the clips each row was made of.
    """

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    clips: NDArray[np.int64]

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """(B, N_FRAMES, N_MELS), float32."""
        return torch.from_numpy(self.features[rows].astype(np.float32))


def load_bank(clips: Sequence[Clip], plan: AudioPlan, seed: int, cache: Path) -> Bank:
    """The bank of these clips, from the cache if it was made before.

    Raises DataError if no clip of any of the plan's sources is there.
    """
    folder = cache / f"bank-{_fingerprint(clips, plan, seed)}"
    if not (folder / "rows.npz").exists():
        _make(clips, plan, seed, folder)
    try:
        with np.load(folder / "rows.npz") as rows:
            return Bank(np.load(folder / "features.npy", mmap_mode="r"), rows["labels"], rows["clips"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise DataError(f"expected a bank of sounds in {folder}, it is damaged ({exc}); remove the folder") from exc


def _fingerprint(clips: Sequence[Clip], plan: AudioPlan, seed: int) -> str:
    made_by = plan.model_dump(include={"rows", "negatives", "shares", "distortions"})
    digest = hashlib.sha256(json.dumps([made_by, seed], sort_keys=True).encode())
    for clip in clips:
        digest.update(f"{clip.label} {clip.source} {clip.speaker} {clip.waveform.size}".encode())
        digest.update(clip.waveform[::16].tobytes())
    return digest.hexdigest()[:16]


def _make(clips: Sequence[Clip], plan: AudioPlan, seed: int, folder: Path) -> None:
    """Write features.npy and, last, rows.npz."""
    draw = _Draw(clips, plan)
    folder.mkdir(parents=True, exist_ok=True)
    features = np.lib.format.open_memmap(
        folder / "features.npy", mode="w+", dtype=np.float16, shape=(plan.rows, N_FRAMES, N_MELS)
    )
    starts = range(0, plan.rows, CHUNK)
    labels, chosen = np.empty(plan.rows, np.int64), np.empty(plan.rows, np.int64)

    def fill(start: int) -> None:
        count = min(CHUNK, plan.rows - start)
        made = draw.rows(count, plan, np.random.default_rng([seed, start]))
        features[start : start + count], labels[start : start + count], chosen[start : start + count] = made

    with ThreadPoolExecutor(2) as pool:
        made = pool.map(fill, starts)
        for _ in track(made, "augmenting clips", total=len(starts), console=Console(stderr=True)):
            pass
    features.flush()
    np.savez(folder / "rows.partial.npz", labels=labels, clips=chosen)
    (folder / "rows.partial.npz").rename(folder / "rows.npz")


class _Draw:
    """Clips drawn by label and source, and what is made of them."""

    def __init__(self, clips: Sequence[Clip], plan: AudioPlan) -> None:
        self._waveforms = [clip.waveform for clip in clips]
        self._log_mel = LogMel()
        labels = np.array([NOT_A_DIGIT if clip.label is None else clip.label for clip in clips], np.int64)
        sources = np.array([clip.source for clip in clips])
        share = np.zeros(len(clips))
        for source, weight in plan.shares.items():
            for digit in (True, False):
                same = (sources == source) & ((labels >= 0) == digit)
                share[same] = weight / max(1, same.sum())
        self._rows = [np.flatnonzero((labels == label) & (share > 0)) for label in range(-1, 10)]
        if any(rows.size == 0 for rows in self._rows[1:]):
            raise DataError(f"expected clips of all ten digits from {', '.join(plan.shares)}, some digit has none")
        self._shares = [share[rows] / share[rows].sum() if rows.size else share[rows] for rows in self._rows]
        synthetic = (share > 0) & ~np.isin(sources, RECORDED)
        murmurs = np.flatnonzero(synthetic if synthetic.any() else share > 0)
        murmurs = murmurs[:: max(1, murmurs.size // BABBLE_CLIPS)]
        self._babble = torch.from_numpy(np.array([speech_window(self._waveforms[row]) for row in murmurs], np.float32))

    def rows(
        self, count: int, plan: AudioPlan, random: np.random.Generator
    ) -> tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]]:
        """Features (B, N_FRAMES, N_MELS), labels (B,) and clips (B,) of as many rows."""
        labels = random.integers(0, 10, count)
        negative = random.random(count) < plan.negatives
        words = negative & (random.random(count) < 2 / 3) & (self._rows[0].size > 0)
        wanted = np.where(words, NOT_A_DIGIT, labels)
        chosen = np.array([random.choice(self._rows[label + 1], p=self._shares[label + 1]) for label in wanted])
        speeds = np.exp(random.uniform(np.log(SLOWEST), np.log(FASTEST), count))
        speeds[random.random(count) >= SPEED_CHANGED] = 1.0
        if "speed" not in plan.distortions:
            speeds[:] = 1.0
        waveforms = torch.from_numpy(
            np.stack([_at_speed(self._waveforms[clip], speed) for clip, speed in zip(chosen, speeds, strict=True)])
        )
        chance = Chance(torch.Generator().manual_seed(int(random.integers(2**62))))
        noises = torch.from_numpy(np.flatnonzero(negative & ~words))
        if noises.numel():
            waveforms[noises] = not_words(waveforms[noises], chance)
        waveforms = augment_waveforms(waveforms, self._babble, chance, plan.distortions)
        if "shift" in plan.distortions:
            again = np.flatnonzero(random.random(count) < PLACED_AGAIN)
            waveforms[torch.from_numpy(again)] = torch.from_numpy(
                np.stack([speech_window(waveforms[row].numpy()) for row in again])
            )
        with torch.no_grad():
            features = self._log_mel(waveforms).numpy().astype(np.float16)
        return features, np.where(negative, NOT_A_DIGIT, labels), chosen


def _at_speed(waveform: Waveform, speed: float) -> Waveform:
    if speed != 1.0:
        waveform = soxr.resample(waveform, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="LQ")
    return speech_window(waveform)


def sound_batches(rows: NDArray[np.int64], batch_size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch of one epoch, in an order that depends on the seed alone; the last few are left over."""
    order = np.random.default_rng(seed).permutation(rows)
    for start in range(0, order.size - batch_size + 1, batch_size):
        yield np.sort(order[start : start + batch_size])  # sorted: the bank may lie on a disk


def heard_rows(bank: Bank, clips: Sequence[Clip], leave_out: Sequence[str]) -> NDArray[np.int64]:
    """The rows that are not made of a left-out speaker's clips.

    leave_out: SOURCE/SPEAKER of each. Raises DataError if one of them is no speaker of these clips.
    """
    names = np.array([clip.name for clip in clips])
    for speaker in leave_out:
        if speaker not in names:
            raise DataError(f"expected a speaker to leave out (say fsdd/theo), {speaker!r} is none")
    return np.flatnonzero(~np.isin(names, leave_out)[bank.clips])
