"""`mmdigit train --strings-only`: the listener of spoken numbers, trained and exported (docs/use/numbers.md)."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmdigit.reading.predictor import open_session
from mmdigit.training.data.splits import Clip, fold_of, load_clips
from mmdigit.training.data.spoken_strings import N_STRING_SAMPLES, NUMBER_WORD_TOKENS, WORD, SpokenStrings
from mmdigit.training.data.synthesis import synthesize_clips, synthesize_number_words, synthesize_strings
from mmdigit.training.fit.model import HOP_LENGTH
from mmdigit.training.fit.number_words import N_TOKENS, NumberWordHead, train_number_words
from mmdigit.training.fit.onnx_file import write_onnx
from mmdigit.training.fit.plan import TrainingPlan
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.string_listener import StringListener, train_strings
from mmdigit.training.output import make_folder
from schemas.errors import WeightsError

TOLERANCE = 1e-3  # largest difference of any output between torch and ONNX Runtime
FILE = "spoken.onnx"


class LogOdds(nn.Module):
    """What is exported: every 40 ms, the logarithm of the odds of each digit against none and other words, and of each
    number word against all else."""

    def __init__(self, listener: StringListener, head: NumberWordHead) -> None:
        super().__init__()
        self.listener, self.head = listener, head
        all_else = torch.zeros(len(NUMBER_WORD_TOKENS), N_TOKENS)
        all_else[range(len(NUMBER_WORD_TOKENS)), NUMBER_WORD_TOKENS] = -1e9
        self.register_buffer("all_else", all_else)

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (1, n_samples). Returns (n_steps, 10 + len(NUMBER_WORDS))."""
        [logits], features = self.listener.read(waveform)
        none = torch.log(torch.exp(logits[:, WORD:] - logits.amax(dim=1, keepdim=True)).sum(dim=1, keepdim=True))
        digits = logits[:, :WORD] - logits.amax(dim=1, keepdim=True) - none
        words = self.head(features)[0]
        all_else = torch.logsumexp(words[:, None] + self.all_else, dim=2)
        return torch.cat([digits, words[:, NUMBER_WORD_TOKENS[0] : NUMBER_WORD_TOKENS[-1] + 1] - all_else], dim=1)


def export_listener(listener: StringListener, head: NumberWordHead, path: Path) -> None:
    """Write both as one ONNX file, for recordings of any length. Raises WeightsError if ONNX Runtime disagrees."""
    exported = LogOdds(listener, head).eval()
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


def number_word_strings(
    recorded: Sequence[Clip], validation: Sequence[Clip], data: Path, cache: Path, plan: TrainingPlan
) -> tuple[SpokenStrings, SpokenStrings]:
    """Strings with number words, to train on and to validate on: digits of other people, and single number words of
    other synthetic voices, which may also say whole numbers of the training. recorded: for the training."""
    settings, shares = plan.number_words, plan.audio.shares
    words = synthesize_number_words(cache, settings.clips, plan.data_seed, data)
    whole = synthesize_strings(cache, settings.spoken, plan.data_seed, data, number_words=True)
    heard = [*recorded, *(clip for clip in words if fold_of(clip.speaker))]
    unseen = [*validation, *(clip for clip in words if not fold_of(clip.speaker))]
    strings = SpokenStrings(heard, shares, whole, settings.share)
    return strings, SpokenStrings(unseen, shares, number_words=settings.share)


def run(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> None:
    """Train or resume, and write OUTPUT/spoken.onnx. Raises DataError without the audio classifier's checkpoint."""
    make_folder(output)
    audio, cache = plan.audio, output.parent / "cache"
    recorded = [clip for clip in load_clips(data, "train") if clip.name not in plan.leave_out]
    synthetic = synthesize_clips(cache, audio.spoken_digits, audio.spoken_words, plan.data_seed, data)
    clips = [*recorded, *(clip for clip in synthetic if clip.name not in plan.leave_out)]
    validation = load_clips(data, "validation")
    whole = synthesize_strings(cache, plan.strings.spoken, plan.data_seed, data)
    strings = SpokenStrings(clips, audio.shares, whole)
    listener = train_strings(strings, validation, plan, output, hardware)
    words = number_word_strings(recorded, validation, data, cache, plan)
    head = train_number_words(listener, *words, plan, output, hardware)
    export_listener(listener, head, output / FILE)
    sys.stdout.write(f"{output / FILE}: the listener of spoken numbers\n")
