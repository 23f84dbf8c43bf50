"""Trains one stage: seeded, resumable after every epoch to exactly the same weights, which are averaged."""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from mmdigit.training.fit.checkpoints import StageName, checkpoint_path, resume, save
from mmdigit.training.output import make_folder
from mmdigit.training.plan import Schedule, TrainingPlan
from schemas.errors import DataError, SettingsError

HISTORY = "history.jsonl"
WARM_UP_STEPS = 100

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Hardware:
    """The hardware that a training uses; the weights differ slightly on another one.

    device: torch's name of it. On a GPU too, the encoders run in bfloat16 where the precision allows it.
    """

    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Raises SettingsError if torch cannot use the device."""
        try:
            torch.zeros(1, device=self.device).cpu()
            torch.autocast(torch.device(self.device).type)
        except (RuntimeError, AssertionError, ImportError, NotImplementedError) as exc:
            raise SettingsError(f"expected a device that torch can use, got {self.device!r}; try cpu") from exc


ONE_THREAD = Hardware()


@dataclass(frozen=True)
class Stage(Generic[M]):
    """One stage of a training.

    batches: those of one epoch, by its seed; loss: of the model on one batch; validate: named figures, in percent.
    """

    name: StageName
    schedule: Schedule
    n_steps: int
    batches: Callable[[int], Iterator[tuple[Tensor, ...]]]
    loss: Callable[..., Tensor]
    validate: Callable[[M], dict[str, float]]


def train_stage(
    stage: Stage[M],
    make_model: Callable[[], M],
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware,
    stop_after: int | None,
) -> M:
    """Train one stage from its checkpoint in the folder, or from the start.

    stop_after: stop after that many epochs. Returns the model with the moving average of its weights.
    """
    torch.set_num_threads(hardware.threads)
    device = hardware.device
    make_folder(folder)
    schedule, path = stage.schedule, checkpoint_path(folder, stage.name)
    torch.manual_seed(plan.seed)
    model, average = make_model().to(device), make_model().to(device)
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(_parameter_groups(model, schedule.weight_decay), lr=schedule.learning_rate)
    finished = resume(path, plan, model, average, optimizer)
    last = schedule.epochs if stop_after is None else min(stop_after, schedule.epochs)
    with _progress() as progress, SummaryWriter(str(folder / "tensorboard" / stage.name), purge_step=finished) as board:
        for epoch in range(finished, last):
            seed = plan.seed * 100_003 + epoch
            torch.manual_seed(seed)
            task = progress.add_task(f"{stage.name} {epoch + 1}/{schedule.epochs}", total=stage.n_steps, loss=math.nan)
            start_s = time.monotonic()
            losses = []
            model.train()
            for step, batch in enumerate(_prefetch(stage.batches(seed))):
                _set_learning_rate(optimizer, schedule, epoch * stage.n_steps + step, schedule.epochs * stage.n_steps)
                loss = stage.loss(model, *(tensor.to(device) for tensor in batch))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
                _update_average(average, model, schedule.ema_decay, epoch * stage.n_steps + step)
                losses.append(float(loss.detach()))
                progress.update(task, advance=1, loss=sum(losses[-50:]) / len(losses[-50:]))
            if not math.isfinite(sum(losses)):
                raise DataError(
                    f"expected a finite loss in {stage.name} epoch {epoch + 1}, got {sum(losses)}; change the plan"
                )
            average.eval().cpu()
            figures = {"loss": round(sum(losses) / len(losses), 5), **stage.validate(average)}
            average.to(device)
            for name, value in figures.items():
                board.add_scalar(name, value, epoch + 1)
            record = {"stage": stage.name, "epoch": epoch + 1, **figures}
            save(path, plan, epoch + 1, model, average, optimizer)
            with (folder / HISTORY).open("a") as history:
                history.write(json.dumps({**record, "duration_s": round(time.monotonic() - start_s, 1)}) + "\n")
            progress.console.print(json.dumps(record), highlight=False, soft_wrap=True)
            progress.remove_task(task)
    return average.eval().cpu()


def _prefetch(source: Iterator[T]) -> Iterator[T]:
    """The same batches; makes the next one while the caller trains on this one."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, source, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, source, None)
            yield batch


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _set_learning_rate(optimizer: torch.optim.Optimizer, schedule: Schedule, step: int, n_steps: int) -> None:
    """A short warm-up, then half a cosine down to zero."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    rate = schedule.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * step / n_steps))
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def _update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of the weights and of BatchNorm's statistics, over few steps at first."""
    decay = min(decay, (1 + step) / (10 + step))
    for mean, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(new, 1 - decay)
        else:
            mean.copy_(new)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
