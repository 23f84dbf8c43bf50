"""Compares fused heads on pairs of unseen writers and speakers: clean, in noise, photographed, and both."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmdigit.training.data.photographs import photograph_digits
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.evaluate.corrupt_audio import NOISES, add_noise
from mmdigit.training.fit.fusion import Answers
from mmdigit.training.fit.model import DigitModel, Fusion
from mmdigit.training.fit.predictions import predict_clips, predict_images, predict_waveforms
from mmdigit.training.measures import two_way_bootstrap

SEED = 31
RATIO_DB = 5
BATCH = 16_384


def untrained_like(head: Fusion) -> Fusion:
    """The sum with the weights of this head."""
    plain = Fusion()
    plain.weight.copy_(head.weight)
    return plain


@torch.no_grad()
def compare_heads(
    model: DigitModel, heads: Mapping[str, Fusion], digits: Digits, clips: Sequence[Clip], photographed: int
) -> list[dict[str, Any]]:
    """One row for each condition and head: the errors, and how many fewer than the sum's, with a 95 % interval.

    heads: by name, with "sum" among them; photographed: how many of the digits are rendered as photographs.
    """
    random = np.random.default_rng(SEED)
    chosen = np.sort(random.choice(digits.labels.size, min(photographed, digits.labels.size), replace=False))
    some = digits.select(chosen)
    labels = np.array([clip.label for clip in clips], np.int64)
    kinds = list(NOISES.values())
    noisy = [add_noise(clip.waveform, kinds[row % len(kinds)], RATIO_DB, random) for row, clip in enumerate(clips)]
    written = {
        "clean": Answers(predict_images(model.image, digits.images), digits.labels),
        "photographed": Answers(predict_images(model.image, photograph_digits(some, 1, SEED, workers=2)), some.labels),
    }
    spoken = {
        "clean": Answers(predict_clips(model.audio, clips), labels),
        f"noise at {RATIO_DB} dB": Answers(predict_waveforms(model.audio, noisy), labels),
    }
    rows = []
    for image_kind, images in written.items():
        for audio_kind, audio in spoken.items():
            right = {name: _right(head, images, audio) for name, head in heads.items()}
            for name, tables in right.items():
                total = sum(table.size for table in tables)
                gains = [table.astype(np.float32) - other for table, other in zip(tables, right["sum"], strict=True)]
                rows.append(
                    {
                        "images": image_kind,
                        "clips": audio_kind,
                        "head": name,
                        "pairs": total,
                        "wrong": 1 - sum(int(table.sum()) for table in tables) / total,
                        "fewer_wrong": float(sum(gain.sum() for gain in gains)) / total,
                        "interval_95": list(two_way_bootstrap(gains)),
                    }
                )
    return rows


def _right(head: Fusion, images: Answers, clips: Answers) -> list[NDArray[np.bool_]]:
    """For each digit, (n_images, n_clips): whether the head reads each pair rightly."""
    tables = []
    for digit in range(10):
        rows, columns = np.flatnonzero(images.labels == digit), np.flatnonzero(clips.labels == digit)
        if not rows.size or not columns.size:
            continue
        first, second = np.divmod(np.arange(rows.size * columns.size), columns.size)
        found = []
        for start in range(0, first.size, BATCH):
            part = slice(start, start + BATCH)
            image, audio = images.select(rows[first[part]]), clips.select(columns[second[part]])
            present = torch.ones(image.logits.shape[0])
            found.append(head(image, present, audio, present).argmax(dim=1).numpy() == digit)
        tables.append(np.concatenate(found).reshape(rows.size, columns.size))
    return tables
