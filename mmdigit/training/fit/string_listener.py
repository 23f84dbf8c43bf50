"""Trains the listener of spoken numbers: which digit, or which word that changes a number, is said in each 40 ms.

The audio classifier's convolutions, and a recurrent network over the whole recording, trained by connectionist temporal
classification on numbers that are joined from recordings, and on others that are said in one breath: it learns where
one digit ends and the next one begins, even where nobody pauses. mmdigit/numbers/frame_evidence.py uses it.
Source: Graves et al. 2006, "Connectionist Temporal Classification".
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdigit.training.data.augment import TensorRng, augment_waveforms
from mmdigit.training.data.log_mel import BAND_MEAN, HOP_LENGTH, MEL_FLOOR, N_FFT, LogMel
from mmdigit.training.data.spoken_strings import NUMBER_WORD_TOKENS, WORD, SpokenStrings, StringBatch
from mmdigit.training.fit.checkpoints import checkpoint_path, restore
from mmdigit.training.fit.model import AudioEncoder
from mmdigit.training.fit.stage import Hardware, Stage, train_stage
from mmdigit.training.fit.teachers import load_audio_classifier
from mmdigit.training.plan import Distortion, StringsPlan, TrainingPlan

N_TOKENS = NUMBER_WORD_TOKENS[-1] + 2
"""With none, the last one."""
DISTORTIONS: tuple[Distortion, ...] = ("room", "equaliser", "noise", "babble", "click", "overload", "codec")
N_VALIDATION = 200  # strings
VALIDATION_SEED = 11


class StringLogMel(LogMel):
    """As LogMel, of a recording of any length, relative to the level of its speech: that of its loud parts counts most,
    and a short click hardly."""

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (B, n_samples), a multiple of HOP_LENGTH. Returns (B, n_samples / HOP_LENGTH - 1, N_MELS)."""
        hops = waveform.reshape(waveform.shape[0], -1, HOP_LENGTH)
        power = self.power_of(torch.cat([hops[:, :-1], hops[:, 1:, : N_FFT - HOP_LENGTH]], dim=2))
        loudness = power.mean(dim=2, keepdim=True)
        level = (loudness.sum(dim=1, keepdim=True) / (loudness.sqrt().sum(dim=1, keepdim=True) + 1e-9)) ** 2
        log_mel = torch.log10(power / (level + 1e-9) + MEL_FLOOR) + 2.8
        return log_mel - BAND_MEAN * log_mel.mean(dim=1, keepdim=True)


class StringListener(nn.Module):
    """waveform (B, n_samples) -> the logits of N_TOKENS every 40 ms: ten digits, another word, the words that change a
    number and, last, none."""

    def __init__(self, plan: TrainingPlan, dropout: float = 0.2) -> None:
        super().__init__()
        self.log_mel = StringLogMel()
        encoder = AudioEncoder(plan.audio.width, plan.audio.hidden, plan.audio.layers)
        self.frames, self.neighbours, self.halve = encoder.frames, encoder.neighbours, encoder.halve
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.GRU(plan.audio.width, plan.strings.hidden, bidirectional=True)
        self.head = nn.Linear(2 * plan.strings.hidden, N_TOKENS)

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (B, n_samples), a multiple of HOP_LENGTH. Returns (B, n_steps, N_TOKENS)."""
        frames = self.frames(self.log_mel(waveform).transpose(1, 2))
        frames = self.dropout(self.halve(functional.relu(frames + self.neighbours(frames))))
        states: Tensor = self.recurrent(frames.permute(2, 0, 1))[0].transpose(0, 1)
        logits: Tensor = self.head(self.dropout(states))
        return logits


def train_strings(
    strings: SpokenStrings, unseen: SpokenStrings, plan: TrainingPlan, folder: Path, hardware: Hardware
) -> StringListener:
    """Train from the folder's checkpoint, or from its audio classifier. unseen: for validation.

    Raises DataError if there is neither checkpoint.
    """
    checked = unseen.batch(N_VALIDATION, np.random.default_rng(VALIDATION_SEED))
    waveforms = torch.from_numpy(checked.waveforms)

    def validate(model: StringListener) -> dict[str, float]:
        heard = {"strings": range(WORD), "number_words": NUMBER_WORD_TOKENS}
        return {
            f"validation_{name}": round(100 * share_right(model, waveforms, checked, tokens), 2)
            for name, tokens in heard.items()
        }

    stage: Stage[StringListener] = Stage(
        name="strings",
        schedule=plan.strings,
        n_steps=plan.strings.steps,
        batches=lambda seed: augmented(strings, plan.strings, seed),
        loss=ctc_loss,
        validate=validate,
    )

    def new_listener() -> StringListener:
        encoder, model = load_audio_classifier(folder).encoder, StringListener(plan)
        parts = ("frames", "neighbours", "halve")
        restore(
            checkpoint_path(folder, "audio"),
            *((getattr(model, name), getattr(encoder, name).state_dict()) for name in parts),
        )
        return model

    return train_stage(stage, new_listener, plan, folder, hardware, None)


def augmented(strings: SpokenStrings, settings: StringsPlan, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The batches of an epoch, in noise and rooms: waveforms, tokens and counts, as of StringBatch."""
    random, rng = np.random.default_rng(seed), TensorRng(torch.Generator().manual_seed(seed))
    babble = torch.from_numpy(strings.batch(settings.batch_size, random).waveforms)
    for _ in range(settings.steps):
        drawn = strings.batch(settings.batch_size, random)
        clean = torch.from_numpy(drawn.waveforms)
        waveforms = augment_waveforms(clean, babble, rng, DISTORTIONS)
        babble = clean
        yield waveforms, torch.from_numpy(drawn.tokens), torch.from_numpy(drawn.counts)


def ctc_loss(model: nn.Module, waveforms: Tensor, tokens: Tensor, counts: Tensor) -> Tensor:
    """Of a token, on average. tokens, counts: as of StringBatch."""
    log_probabilities = functional.log_softmax(model(waveforms), dim=2).transpose(0, 1)
    lengths = torch.full_like(counts, len(log_probabilities))
    losses = functional.ctc_loss(
        log_probabilities,
        tokens,
        lengths,
        counts,
        blank=N_TOKENS - 1,
        reduction="none",
        zero_infinity=True,
    )
    return (losses / counts.clamp(min=1)).mean()


@torch.no_grad()
def share_right(
    model: Callable[[Tensor], Tensor], waveforms: Tensor, strings: StringBatch, among: Sequence[int]
) -> float:
    """The share of strings in which these tokens are heard as they were said, each step by itself; without noise."""
    steps = torch.cat([model(part).argmax(dim=2) for part in torch.split(waveforms, 50)]).numpy()
    right = 0
    for row, tokens, count in zip(steps, strings.tokens, strings.counts, strict=True):
        heard, said = row[np.flatnonzero(np.diff(row, prepend=-1))], tokens[:count]
        right += heard[np.isin(heard, among)].tolist() == said[np.isin(said, among)].tolist()
    return right / len(steps)
