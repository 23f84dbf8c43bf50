"""Trains the listener of spoken numbers: which digit, if any, is said in each 40 ms of a recording.

The audio classifier's convolutions, and a recurrent network over the whole recording, trained by connectionist temporal
classification on numbers that are joined from recordings: it learns where one digit ends and the next one begins, even
where nobody pauses. mmdigit/numbers/frame_evidence.py uses it.
Source: Graves et al. 2006, "Connectionist Temporal Classification".
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mmdigit.reading.predictor import open_session
from mmdigit.training.data.augment import TensorRng, augment_waveforms
from mmdigit.training.data.splits import Clip, load_clips
from mmdigit.training.data.spoken_strings import N_STRING_SAMPLES, WORD, SpokenStrings, StringBatch
from mmdigit.training.data.synthesis import synthesize_clips, synthesize_strings
from mmdigit.training.fit.checkpoints import checkpoint_path, read_state, restore
from mmdigit.training.fit.model import BAND_MEAN, HOP_LENGTH, MEL_FLOOR, N_FFT, AudioEncoder, LogMel
from mmdigit.training.fit.onnx_file import write_onnx
from mmdigit.training.fit.plan import Distortion, StringsPlan, TrainingPlan
from mmdigit.training.fit.stage import Hardware, Stage, train_stage
from mmdigit.training.fit.teachers import new_audio_classifier
from mmdigit.training.output import make_folder
from schemas.errors import DataError, WeightsError

BLANK = WORD + 1
N_TOKENS = BLANK + 1
DISTORTIONS: tuple[Distortion, ...] = ("room", "equaliser", "noise", "babble", "click", "overload", "codec")
N_VALIDATION = 200  # strings
VALIDATION_SEED = 11
TOLERANCE = 1e-3  # largest difference of any output between torch and ONNX Runtime
FILE = "spoken.onnx"


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
    """waveform (B, n_samples) -> the logits of N_TOKENS every 40 ms: ten digits, another word, none."""

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


class LogOdds(nn.Module):
    """What is exported: the logarithm of the odds of each digit against none and other words, every 40 ms."""

    def __init__(self, listener: StringListener) -> None:
        super().__init__()
        self.listener = listener

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (1, n_samples). Returns (n_steps, 10)."""
        logits = self.listener(waveform)[0]
        none: Tensor = torch.log(
            torch.exp(logits[:, WORD:] - logits.amax(dim=1, keepdim=True)).sum(dim=1, keepdim=True)
        )
        log_odds: Tensor = logits[:, :WORD] - logits.amax(dim=1, keepdim=True) - none
        return log_odds


def train_strings(
    strings: SpokenStrings, validation: list[Clip], plan: TrainingPlan, folder: Path, hardware: Hardware
) -> StringListener:
    """Train from the folder's checkpoint, or from its audio classifier. Raises DataError if there is none."""
    unseen = SpokenStrings(validation, plan.audio.shares)
    settings: StringsPlan = plan.strings
    checked = unseen.batch(N_VALIDATION, np.random.default_rng(VALIDATION_SEED))

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        random, rng = np.random.default_rng(seed), TensorRng(torch.Generator().manual_seed(seed))
        babble = torch.from_numpy(strings.batch(settings.batch_size, random).waveforms)
        for _ in range(settings.steps):
            drawn = strings.batch(settings.batch_size, random)
            clean = torch.from_numpy(drawn.waveforms)
            waveforms = augment_waveforms(clean, babble, rng, DISTORTIONS)
            babble = clean
            yield waveforms, torch.from_numpy(drawn.tokens), torch.from_numpy(drawn.counts)

    def loss(model: StringListener, waveforms: Tensor, tokens: Tensor, counts: Tensor) -> Tensor:
        log_probabilities = functional.log_softmax(model(waveforms), dim=2).transpose(0, 1)
        lengths = torch.full_like(counts, len(log_probabilities))
        losses = functional.ctc_loss(
            log_probabilities, tokens, lengths, counts, blank=BLANK, reduction="none", zero_infinity=True
        )
        return (losses / counts.clamp(min=1)).mean()

    stage: Stage[StringListener] = Stage(
        name="strings",
        schedule=settings,
        n_steps=settings.steps,
        batches=batches,
        loss=loss,
        validate=lambda model: {"validation_strings": round(100 * share_right(model, checked), 2)},
    )

    def new_listener() -> StringListener:
        path = checkpoint_path(folder, "audio")
        if not path.exists():
            raise DataError(
                f"expected the audio classifier's checkpoint at {path}, got none; run `mmdigit train` first"
            )
        audio, model = new_audio_classifier(plan.audio), StringListener(plan)
        restore(path, (audio, read_state(path)["average"]))
        for name in ("frames", "neighbours", "halve"):
            getattr(model, name).load_state_dict(getattr(audio.encoder, name).state_dict())
        return model

    return train_stage(stage, new_listener, plan, folder, hardware, None)


@torch.no_grad()
def share_right(model: StringListener, strings: StringBatch) -> float:
    """The share of strings whose digits are all heard, each step by itself; without noise."""
    steps = np.concatenate([model(torch.from_numpy(part)).argmax(dim=2).numpy() for part in _parts(strings.waveforms)])
    right = 0
    for row, tokens, count in zip(steps, strings.tokens, strings.counts, strict=True):
        first_of_each = row[np.flatnonzero(np.diff(row, prepend=-1))]
        said = tokens[:count]
        right += first_of_each[first_of_each < WORD].tolist() == said[said < WORD].tolist()
    return right / len(steps)


def _parts(waveforms: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return np.array_split(waveforms, max(1, len(waveforms) // 50))


def export_listener(model: StringListener, path: Path) -> None:
    """Write the model as ONNX, for recordings of any length. Raises WeightsError if ONNX Runtime disagrees."""
    exported = LogOdds(model).eval()
    example = torch.randn(1, N_STRING_SAMPLES, generator=torch.Generator().manual_seed(0)) / 10
    partial = path.with_name(path.name + ".partial")
    dynamic_axes = {"waveform": {1: "samples"}, "log_odds": {0: "steps"}}
    write_onnx(exported, (example,), partial, ["waveform"], ["log_odds"], dynamic_axes)
    session = open_session(partial.read_bytes(), 1)
    for waveform in (example, example[:, : 32 * HOP_LENGTH]):
        with torch.no_grad():
            expected = exported(waveform).numpy()
        [found] = session.run(None, {"waveform": waveform.numpy()})
        if not np.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE):
            raise WeightsError(
                "expected torch and ONNX Runtime to agree, got others; install the pinned versions of both"
            )
    partial.replace(path)


def run(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> None:
    """`mmdigit train --strings-only`: train or resume, and write OUTPUT/spoken.onnx."""
    make_folder(output)
    audio = plan.audio
    synthetic = synthesize_clips(output.parent / "cache", audio.spoken_digits, audio.spoken_words, plan.data_seed, data)
    clips = [clip for clip in [*load_clips(data, "train"), *synthetic] if clip.name not in plan.leave_out]
    whole = synthesize_strings(output.parent / "cache", plan.strings.spoken, plan.data_seed, data)
    strings = SpokenStrings(clips, audio.shares, whole)
    model = train_strings(strings, load_clips(data, "validation"), plan, output, hardware)
    export_listener(model, output / FILE)
    sys.stdout.write(f"{output / FILE}: the listener of spoken numbers\n")
