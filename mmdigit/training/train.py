"""Train the model: seeded, resumable after every epoch to the very same weights, the last epoch's average shipped."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional

from mmdigit.audio import place
from mmdigit.training.augment import Chance, augment_features
from mmdigit.training.batches import SPEEDS, Batch, ClipBank, TrainingSets, batches
from mmdigit.training.data import load_digits, load_glyphs, load_spoken
from mmdigit.training.model import DigitModel, count_parameters
from mmdigit.training.synthesis import synthesise
from schemas.errors import DataError, SettingsError

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.jsonl"
WARM_UP_STEPS = 100


@dataclass(frozen=True)
class TrainingPlan:
    """Everything a training depends on besides the data."""

    seed: int = 1
    epochs: int = 18
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    ema_decay: float = 0.999
    speeds: tuple[float, ...] = SPEEDS
    spoken_digits: int = 5000
    """Clips by espeak-ng, where it is installed."""
    spoken_words: int = 2000
    threads: int = 2
    mixed_precision: bool = True
    """The picture's convolutions in bfloat16 while training: 3 times as fast where the processor has it."""


QUICK = TrainingPlan(epochs=2, speeds=(1.0, 0.9, 1.1), spoken_digits=300, spoken_words=150)
"""A few minutes: to try the machinery, not to ship."""


def load_sets(folder: Path, cache: Path, plan: TrainingPlan, say: Callable[[str], None]) -> TrainingSets:
    """Read, decode and check all training and validation data.

    Raises DataError if a required set is missing or altered.
    """
    clips = load_spoken(folder, "train")
    synthetic = synthesise(cache, plan.spoken_digits, plan.spoken_words, plan.seed)
    if not synthetic:
        say("espeak-ng is not installed: training without synthetic speech, which strangers' voices will show")
    sets = TrainingSets(
        digits=load_digits(folder, "train"),
        clips=[*clips, *synthetic],
        glyphs=load_glyphs(folder, "train"),
        validation_digits=load_digits(folder, "validation"),
        validation_clips=load_spoken(folder, "validation"),
    )
    say(
        f"{sets.digits.labels.size} handwritten digits, {len(clips)} recorded and {len(synthetic)} synthetic clips, "
        f"{len(sets.glyphs)} glyphs; validation: {sets.validation_digits.labels.size} digits, "
        f"{len(sets.validation_clips)} clips"
    )
    return sets


def train(sets: TrainingSets, plan: TrainingPlan, folder: Path, stop_after: int | None = None) -> DigitModel:
    """Train from the folder's checkpoint, or from the start if there is none, and return the averaged model.

    folder: where the checkpoint and the history are written, after each epoch. stop_after: leave after that many
    epochs in all, as an interruption would. Raises SettingsError if the checkpoint belongs to another plan.
    """
    torch.set_num_threads(plan.threads)
    folder.mkdir(parents=True, exist_ok=True)
    bank = ClipBank(sets.clips, plan.speeds)
    torch.manual_seed(plan.seed)
    model, average = DigitModel(), DigitModel()
    model.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(_parameter_groups(model, plan.weight_decay), lr=plan.learning_rate)
    done = _resume(folder / CHECKPOINT, plan, model, average, optimizer)
    n_steps = sets.digits.labels.size // plan.batch_size
    if n_steps == 0:
        raise DataError(f"expected at least {plan.batch_size} handwritten digits, {sets.digits.labels.size} came")
    with _progress() as progress:
        for epoch in range(done, plan.epochs if stop_after is None else min(stop_after, plan.epochs)):
            seed = plan.seed * 100_003 + epoch
            torch.manual_seed(seed)
            chance = Chance(torch.Generator().manual_seed(seed + 1))
            task = progress.add_task(f"epoch {epoch + 1}/{plan.epochs}", total=n_steps, loss=math.nan)
            began_s = time.monotonic()
            losses = []
            model.train()
            for step, batch in enumerate(_ahead(batches(sets, bank, plan.batch_size, seed))):
                _set_rate(optimizer, plan, epoch * n_steps + step, plan.epochs * n_steps)
                loss = _loss(model, batch, chance, plan.mixed_precision)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
                _follow(average, model, plan.ema_decay, epoch * n_steps + step)
                losses.append(float(loss.detach()))
                progress.update(task, advance=1, loss=sum(losses[-50:]) / len(losses[-50:]))
            record = {
                "epoch": epoch + 1,
                "loss": round(sum(losses) / len(losses), 5),
                **validate(average, sets),
                "duration_s": round(time.monotonic() - began_s, 1),
            }
            _save(folder / CHECKPOINT, plan, epoch + 1, model, average, optimizer)
            with (folder / HISTORY).open("a") as history:
                history.write(json.dumps(record) + "\n")
            progress.console.print(json.dumps(record), highlight=False, soft_wrap=True)
    average.eval()
    return average


def _ahead(source: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, the next one made while this one is learnt from."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, source, None)
        while (batch := upcoming.result()) is not None:
            upcoming = pool.submit(next, source, None)
            yield batch


def _parameter_groups(model: DigitModel, weight_decay: float) -> list[dict[str, Any]]:
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _set_rate(optimizer: torch.optim.Optimizer, plan: TrainingPlan, step: int, n_steps: int) -> None:
    """A short warm-up, then half a cosine down to nothing."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    rate = plan.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * step / n_steps))
    for group in optimizer.param_groups:
        group["lr"] = rate


def _loss(model: DigitModel, batch: Batch, chance: Chance, mixed_precision: bool) -> Tensor:
    with torch.no_grad():
        features = augment_features(model.log_mel(batch.waveform), chance)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed_precision):
        seen = model.image_encoder(batch.image.contiguous(memory_format=torch.channels_last))
    heard = model.audio_encoder(features)
    logits = model.heads(seen.float(), batch.image_present, heard, batch.audio_present)
    readable = (batch.image_is_digit & (batch.image_present > 0)) | (batch.audio_is_digit & (batch.audio_present > 0))
    return (
        functional.cross_entropy(logits.image[batch.image_is_digit], batch.label[batch.image_is_digit])
        + functional.cross_entropy(logits.audio[batch.audio_is_digit], batch.label[batch.audio_is_digit])
        + functional.cross_entropy(logits.fused[readable], batch.label[readable])
        + 0.5 * functional.binary_cross_entropy_with_logits(logits.image_novelty, (~batch.image_is_digit).float())
        + 0.5 * functional.binary_cross_entropy_with_logits(logits.audio_novelty, (~batch.audio_is_digit).float())
    )


@torch.no_grad()
def _follow(average: DigitModel, model: DigitModel, decay: float, step: int) -> None:
    """Exponential moving average of weights and of BatchNorm's statistics; short at first, so that it starts well."""
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


@torch.no_grad()
def validate(model: DigitModel, sets: TrainingSets) -> dict[str, float]:
    """Accuracy of each single head on the validation sets, in percent."""
    model.eval()
    digits, clips = sets.validation_digits, sets.validation_clips
    images = torch.from_numpy(digits.pictures.astype(np.float32) / 255)[:, None]
    seen = torch.cat([model.image_head(model.image_encoder(part)).argmax(dim=1) for part in torch.split(images, 512)])
    figures = {"validation_image": _percent(seen.numpy() == digits.labels)}
    sounds = torch.from_numpy(np.stack([place(clip.waveform) for clip in clips]))
    heard = [
        model.audio_head(model.audio_encoder(model.log_mel(part))).argmax(dim=1) for part in torch.split(sounds, 512)
    ]
    right = torch.cat(heard).numpy() == np.array([clip.label for clip in clips])
    for source in sorted({clip.source for clip in clips}):
        figures[f"validation_{source}"] = _percent(right[[clip.source == source for clip in clips]])
    return figures


def _percent(right: "np.ndarray[Any, np.dtype[np.bool_]]") -> float:
    return round(100 * float(right.mean()), 3)


def _save(
    path: Path,
    plan: TrainingPlan,
    epochs: int,
    model: DigitModel,
    average: DigitModel,
    optimizer: torch.optim.Optimizer,
) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "plan": json.dumps(asdict(plan)),
            "epochs": epochs,
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
        },
        partial,
    )
    partial.replace(path)


def _resume(
    path: Path, plan: TrainingPlan, model: DigitModel, average: DigitModel, optimizer: torch.optim.Optimizer
) -> int:
    """Restore the state and return the number of epochs done; 0 if there is no checkpoint."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["plan"] != json.dumps(asdict(plan)):
        raise SettingsError(f"expected {path} to be of this plan, it is of {state['plan']}; name another --output")
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["epochs"])


def load_checkpoint(path: Path) -> tuple[DigitModel, dict[str, Any], int]:
    """The averaged model of a checkpoint, its plan, how many epochs were done. Raises DataError if it is missing."""
    if not path.exists():
        raise DataError(f"expected a checkpoint at {path}, it is missing; run `mmdigit train` first")
    state = torch.load(path, weights_only=True)
    model = DigitModel()
    model.load_state_dict(state["average"])
    model.eval()
    return model, json.loads(state["plan"]), int(state["epochs"])


def run(data: Path, output: Path, plan: TrainingPlan) -> None:
    """`mmdigit train`: load the data, train or resume, leave the checkpoint in output."""

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    sets = load_sets(data, output.parent / "cache", plan, say)
    say(f"{count_parameters(DigitModel())} parameters, seed {plan.seed}, {plan.epochs} epochs")
    train(sets, plan, output)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
