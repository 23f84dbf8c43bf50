"""`mmdigit train --strings-only`: the listener of spoken numbers, trained and exported (docs/use/numbers.md)."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmdigit.reading.predictor import open_session
from mmdigit.training.data.log_mel import HOP_LENGTH
from mmdigit.training.data.splits import fold_of, load_clips
from mmdigit.training.data.spoken_strings import N_STRING_SAMPLES, NUMBER_WORD_TOKENS, WORD, SpokenStrings
from mmdigit.training.data.synthesis import synthesize_number_words, synthesize_strings
from mmdigit.training.fit.onnx_file import write_onnx
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.string_listener import N_TOKENS, StringListener, train_strings
from mmdigit.training.output import make_folder
from mmdigit.training.plan import TrainingPlan
from schemas.errors import WeightsError

TOLERANCE = 1e-3  # largest difference of any output between torch and ONNX Runtime
FILE = "spoken.onnx"


class LogOdds(nn.Module):
    """What is exported: every 40 ms, the logarithm of the odds of each digit against none and all words, and of each
    number word against all else."""

    def __init__(self, listener: StringListener) -> None:
        super().__init__()
        self.listener = listener
        all_else = torch.zeros(len(NUMBER_WORD_TOKENS), N_TOKENS)
        all_else[range(len(NUMBER_WORD_TOKENS)), NUMBER_WORD_TOKENS] = -1e9
        self.register_buffer("all_else", all_else)

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (1, n_samples). Returns (n_steps, 10 + len(NUMBER_WORDS))."""
        [logits] = self.listener(waveform)
        digits = logits[:, :WORD] - torch.logsumexp(logits[:, WORD:], dim=1, keepdim=True)
        words = logits[:, NUMBER_WORD_TOKENS[0] : NUMBER_WORD_TOKENS[-1] + 1]
        all_else = torch.logsumexp(logits[:, None] + self.all_else, dim=2)
        return torch.cat([digits, words - all_else], dim=1)


def export_listener(listener: StringListener, path: Path) -> None:
    """Write an ONNX file, for recordings of any length. Raises WeightsError if ONNX Runtime disagrees."""
    exported = LogOdds(listener).eval()
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


def spoken_strings(data: Path, cache: Path, plan: TrainingPlan) -> tuple[SpokenStrings, SpokenStrings]:
    """Strings to train on and to validate on: digits of other people, and single number words of other synthetic
    voices, which may also say whole numbers of the training."""
    settings, shares = plan.strings, plan.audio.shares
    recorded = [clip for clip in load_clips(data, "train") if clip.name not in plan.leave_out]
    words = synthesize_number_words(cache, settings.clips, plan.data_seed, data)
    whole = synthesize_strings(cache, settings.spoken, plan.data_seed, data)
    heard = [*recorded, *(clip for clip in words if fold_of(clip.speaker))]
    unseen = [*load_clips(data, "validation"), *(clip for clip in words if not fold_of(clip.speaker))]
    strings = SpokenStrings(heard, shares, whole, settings.share)
    return strings, SpokenStrings(unseen, shares, number_words=settings.share)


def run(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> None:
    """Train or resume, and write OUTPUT/spoken.onnx. Raises DataError without the audio classifier's checkpoint."""
    make_folder(output)
    strings, unseen = spoken_strings(data, output.parent / "cache", plan)
    export_listener(train_strings(strings, unseen, plan, output, hardware), output / FILE)
    sys.stdout.write(f"{output / FILE}: the listener of spoken numbers\n")
