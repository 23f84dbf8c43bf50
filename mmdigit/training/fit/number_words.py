"""Trains the part of the listener that hears the words that change a number: "double", "triple" and "no".

A small recurrent network on what the trained listener makes of a recording. The listener itself stays as it is, so that
its answers about digits do too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmdigit.training.data.spoken_strings import NUMBER_WORD_TOKENS, SpokenStrings
from mmdigit.training.fit.plan import TrainingPlan
from mmdigit.training.fit.stage import Hardware, Stage, train_stage
from mmdigit.training.fit.string_listener import (
    N_VALIDATION,
    VALIDATION_SEED,
    StringListener,
    augmented,
    ctc_loss,
    share_right,
)

N_TOKENS = NUMBER_WORD_TOKENS[-1] + 2
"""With none, the last one."""


class NumberWordHead(nn.Module):
    """The listener's features -> the logits of N_TOKENS every 40 ms: digits, another word, the number words, none."""

    def __init__(self, plan: TrainingPlan, dropout: float = 0.2) -> None:
        super().__init__()
        n_features = plan.audio.width + 2 * plan.strings.hidden
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.GRU(n_features, plan.number_words.hidden, bidirectional=True)
        self.head = nn.Linear(2 * plan.number_words.hidden, N_TOKENS)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, n_steps, n_features). Returns (B, n_steps, N_TOKENS)."""
        states: Tensor = self.recurrent(self.dropout(features).transpose(0, 1))[0].transpose(0, 1)
        logits: Tensor = self.head(self.dropout(states))
        return logits


def train_number_words(
    listener: StringListener,
    strings: SpokenStrings,
    unseen: SpokenStrings,
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware,
) -> NumberWordHead:
    """Train from the folder's checkpoint, or from the start. listener: trained, on the CPU; unseen: for validation."""
    settings = plan.number_words
    checked = unseen.batch(N_VALIDATION, np.random.default_rng(VALIDATION_SEED))
    listener.eval()
    parts = torch.split(torch.from_numpy(checked.waveforms), 50)
    unseen_features = torch.cat([features_of(listener, part) for part in parts])

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        for waveforms, tokens, counts in augmented(strings, settings, seed):
            yield features_of(listener, waveforms), tokens, counts

    def validate(head: NumberWordHead) -> dict[str, float]:
        right = share_right(head, unseen_features, checked, NUMBER_WORD_TOKENS)
        return {"validation_number_words": round(100 * right, 2)}

    stage: Stage[NumberWordHead] = Stage(
        name="number_words",
        schedule=settings,
        n_steps=settings.steps,
        batches=batches,
        loss=ctc_loss,
        validate=validate,
    )
    return train_stage(stage, lambda: NumberWordHead(plan), plan, folder, hardware, None)


@torch.no_grad()
def features_of(listener: StringListener, waveforms: Tensor) -> Tensor:
    """waveforms: (B, n_samples). Returns (B, n_steps, n_features)."""
    return listener.read(waveforms)[1]
