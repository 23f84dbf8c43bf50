"""The audio training set: augmented clips as log-mel spectrograms, made once and read by every seed and fold."""

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

from mmdigit.reading.audio import normalize
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, speech_window
from mmdigit.training.data import augment, log_mel
from mmdigit.training.data.augment import TensorRng, augment_waveforms, non_digit_waveforms
from mmdigit.training.data.log_mel import N_FRAMES, N_MELS, LogMel
from mmdigit.training.data.splits import RECORDED_SETS, Clip
from mmdigit.training.plan import AudioPlan
from schemas.errors import DataError

CHUNK = 512  # rows made together
MIN_SPEED, MAX_SPEED = 0.8, 1.25  # by resampling: tempo, pitch and vocal tract change together
SPEED_SHARE = 0.75  # of the rows change speed
SECOND_SEARCH_SHARE = 0.5  # of the rows pass the decoder's search for speech again, after the noise is added
N_BABBLE_CLIPS = 400
# Speakers of these may be left out: babble and neighbours are synthetic where possible.
RECORDED = ("fsdd", *(each.source for each in RECORDED_SETS))
NOT_A_DIGIT = -1


@dataclass(frozen=True)
class AugmentedClips:
    """features: (N, N_FRAMES, N_MELS), float16 log-mels; labels: (N,), NOT_A_DIGIT for other sounds; clips: (N,), the
    index of the clip that each row was made from."""

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    clips: NDArray[np.int64]

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """(B, N_FRAMES, N_MELS), float32."""
        return torch.from_numpy(self.features[rows].astype(np.float32))


def load_augmented_clips(clips: Sequence[Clip], plan: AudioPlan, seed: int, cache: Path) -> AugmentedClips:
    """Augment these clips as the plan says, or read the result from the cache.

    Raises DataError if a digit has no clip from the plan's sources, or if the cached files are damaged.
    """
    folder = cache / f"augmented-clips-{_fingerprint(clips, plan, seed)}"
    if not (folder / "rows.npz").exists():
        _make(clips, plan, seed, folder)
    try:
        with np.load(folder / "rows.npz") as rows:
            return AugmentedClips(np.load(folder / "features.npy", mmap_mode="r"), rows["labels"], rows["clips"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise DataError(f"expected augmented clips in {folder}, got damaged files ({exc}); remove the folder") from exc


def _fingerprint(clips: Sequence[Clip], plan: AudioPlan, seed: int) -> str:
    settings = plan.model_dump(include={"rows", "negatives", "shares", "distortions"})
    digest = hashlib.sha256(json.dumps([settings, seed], sort_keys=True).encode())
    for source in (__file__, augment.__file__, normalize.__file__, log_mel.__file__):  # what decides how a row sounds
        digest.update(Path(source).read_bytes())
    for clip in clips:
        digest.update(f"{clip.label} {clip.source} {clip.speaker} {clip.waveform.size}".encode())
        digest.update(clip.waveform[::16].tobytes())
    return digest.hexdigest()[:16]


def _make(clips: Sequence[Clip], plan: AudioPlan, seed: int, folder: Path) -> None:
    """Write features.npy and, last, rows.npz."""
    augmenter = _Augmenter(clips, plan)
    folder.mkdir(parents=True, exist_ok=True)
    features = np.lib.format.open_memmap(
        folder / "features.npy", mode="w+", dtype=np.float16, shape=(plan.rows, N_FRAMES, N_MELS)
    )
    starts = range(0, plan.rows, CHUNK)
    labels, chosen = np.empty(plan.rows, np.int64), np.empty(plan.rows, np.int64)

    def fill(start: int) -> None:
        count = min(CHUNK, plan.rows - start)
        rows = slice(start, start + count)
        features[rows], labels[rows], chosen[rows] = augmenter.augment(count, np.random.default_rng([seed, start]))

    with ThreadPoolExecutor(2) as pool:
        filled = pool.map(fill, starts)
        for _ in track(filled, "augmenting clips", total=len(starts), console=Console(stderr=True)):
            pass
    features.flush()
    np.savez(folder / "rows.partial.npz", labels=labels, clips=chosen)
    (folder / "rows.partial.npz").rename(folder / "rows.npz")


class _Augmenter:
    """Draws clips by label and source, and augments them."""

    def __init__(self, clips: Sequence[Clip], plan: AudioPlan) -> None:
        self._plan = plan
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
            raise DataError(
                f"expected clips of all ten digits from {', '.join(plan.shares)}, got a digit without any; "
                "name more sources in the plan's audio.shares"
            )
        self._shares = [share[rows] / share[rows].sum() if rows.size else share[rows] for rows in self._rows]
        synthetic = (share > 0) & ~np.isin(sources, RECORDED)
        babble = np.flatnonzero(synthetic if synthetic.any() else share > 0)
        babble = babble[:: max(1, babble.size // N_BABBLE_CLIPS)]
        self._babble = torch.from_numpy(np.array([speech_window(self._waveforms[row]) for row in babble], np.float32))

    def augment(
        self, count: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]]:
        """The next `count` rows: features (B, N_FRAMES, N_MELS), labels (B,), and the index of each clip (B,)."""
        plan = self._plan
        labels = random.integers(0, 10, count)
        negative = random.random(count) < plan.negatives
        words = negative & (random.random(count) < 2 / 3) & (self._rows[0].size > 0)
        wanted = np.where(words, NOT_A_DIGIT, labels)
        chosen = np.array([random.choice(self._rows[label + 1], p=self._shares[label + 1]) for label in wanted])
        speeds = np.exp(random.uniform(np.log(MIN_SPEED), np.log(MAX_SPEED), count))
        speeds[random.random(count) >= SPEED_SHARE] = 1.0
        if "speed" not in plan.distortions:
            speeds[:] = 1.0
        waveforms = torch.from_numpy(
            np.stack([_at_speed(self._waveforms[clip], speed) for clip, speed in zip(chosen, speeds, strict=True)])
        )
        rng = TensorRng(torch.Generator().manual_seed(int(random.integers(2**62))))
        noises = torch.from_numpy(np.flatnonzero(negative & ~words))
        if noises.numel():
            waveforms[noises] = non_digit_waveforms(waveforms[noises], self._babble, rng)
        waveforms = augment_waveforms(waveforms, self._babble, rng, plan.distortions)
        if "shift" in plan.distortions:
            again = np.flatnonzero(random.random(count) < SECOND_SEARCH_SHARE)
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


def row_batches(rows: NDArray[np.int64], batch_size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch of one epoch, in an order that depends on the seed alone. Drops the last partial batch."""
    order = np.random.default_rng(seed).permutation(rows)
    for start in range(0, order.size - batch_size + 1, batch_size):
        yield np.sort(order[start : start + batch_size])  # sorted: the features are read from a file


def rows_without_speakers(
    augmented: AugmentedClips, clips: Sequence[Clip], speakers: Sequence[str]
) -> NDArray[np.int64]:
    """The rows that were not made from these speakers' clips.

    clips: those that were augmented; speakers: SOURCE/SPEAKER of each. Raises DataError if one has no clip.
    """
    names = np.array([clip.name for clip in clips])
    for speaker in speakers:
        if speaker not in names:
            raise DataError(f"expected a speaker to leave out such as fsdd/theo, got {speaker!r}; check leave_out")
    return np.flatnonzero(~np.isin(names, speakers)[augmented.clips])
