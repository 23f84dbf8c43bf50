"""Fit one stage of a training: seeded, resumable after every epoch to the very same weights, the last average kept."""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Generic, Literal, TypeVar

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from mmdigit.files.regular import open_regular
from mmdigit.training.fit.plan import Schedule, TrainingPlan
from schemas.errors import DataError, SettingsError

StageName = Literal["image", "calm", "audio"]
STAGES: tuple[StageName, ...] = ("image", "calm", "audio")
HISTORY = "history.jsonl"
MAX_CHECKPOINT_BYTES = 4 * 1024 * 1024 * 1024
WARM_UP_STEPS = 100

Example = TypeVar("Example")
Part = TypeVar("Part", bound=nn.Module)


@dataclass(frozen=True)
class Machine:
    """What a training runs on. Another one gives slightly other weights.

    device: as torch names it; on a GPU, too, the encoders run in bfloat16 where the precision allows it.
    """

    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Raises SettingsError if the device is not there."""
        try:
            torch.zeros(1, device=self.device).cpu()
            torch.autocast(torch.device(self.device).type)
        except (RuntimeError, AssertionError, ImportError, NotImplementedError) as exc:
            raise SettingsError(f"expected a device that torch finds here, {self.device!r} is none; try cpu") from exc


ONE_THREAD = Machine()


@dataclass(frozen=True)
class Stage(Generic[Part]):
    """What fit needs to know of one stage.

    batches: one epoch's, by its seed; loss: of the part on one batch; validate: figures, in percent.
    """

    name: StageName
    schedule: Schedule
    n_steps: int
    batches: Callable[[int], Iterator[tuple[Tensor, ...]]]
    loss: Callable[..., Tensor]
    validate: Callable[[Part], dict[str, float]]


def fit(
    stage: Stage[Part],
    make: Callable[[], Part],
    plan: TrainingPlan,
    folder: Path,
    machine: Machine,
    stop_after: int | None,
) -> Part:
    """Train one stage from its checkpoint in the folder, or from the start; return the average of its weights."""
    torch.set_num_threads(machine.threads)
    device = machine.device
    make_folder(folder)
    schedule, path = stage.schedule, checkpoint_path(folder, stage.name)
    torch.manual_seed(plan.seed)
    part, average = make().to(device), make().to(device)
    average.load_state_dict(part.state_dict())
    optimizer = torch.optim.AdamW(_parameter_groups(part, schedule.weight_decay), lr=schedule.learning_rate)
    done = _resume(path, plan, part, average, optimizer)
    last = schedule.epochs if stop_after is None else min(stop_after, schedule.epochs)
    with _progress() as progress, SummaryWriter(str(folder / "tensorboard" / stage.name), purge_step=done) as board:
        for epoch in range(done, last):
            seed = plan.seed * 100_003 + epoch
            torch.manual_seed(seed)
            task = progress.add_task(f"{stage.name} {epoch + 1}/{schedule.epochs}", total=stage.n_steps, loss=math.nan)
            began_s = time.monotonic()
            losses = []
            part.train()
            for step, batch in enumerate(_ahead(stage.batches(seed))):
                _set_rate(optimizer, schedule, epoch * stage.n_steps + step, schedule.epochs * stage.n_steps)
                loss = stage.loss(part, *(tensor.to(device) for tensor in batch))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(part.parameters(), 5.0)
                optimizer.step()
                _follow(average, part, schedule.ema_decay, epoch * stage.n_steps + step)
                losses.append(float(loss.detach()))
                progress.update(task, advance=1, loss=sum(losses[-50:]) / len(losses[-50:]))
            if not math.isfinite(sum(losses)):
                raise DataError(f"expected a finite loss in {stage.name} epoch {epoch + 1}, it is not; change the plan")
            average.eval().cpu()
            figures = {"loss": round(sum(losses) / len(losses), 5), **stage.validate(average)}
            average.to(device)
            for name, value in figures.items():
                board.add_scalar(name, value, epoch + 1)
            record = {"stage": stage.name, "epoch": epoch + 1, **figures}
            _save(path, plan, epoch + 1, part, average, optimizer)
            with (folder / HISTORY).open("a") as history:
                history.write(json.dumps({**record, "duration_s": round(time.monotonic() - began_s, 1)}) + "\n")
            progress.console.print(json.dumps(record), highlight=False, soft_wrap=True)
            progress.remove_task(task)
    return average.eval().cpu()


def _ahead(source: Iterator[Example]) -> Iterator[Example]:
    """The same batches, the next one made while this one is learnt from."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, source, None)
        while (batch := upcoming.result()) is not None:
            upcoming = pool.submit(next, source, None)
            yield batch


def _parameter_groups(part: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    decayed = [parameter for parameter in part.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in part.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _set_rate(optimizer: torch.optim.Optimizer, schedule: Schedule, step: int, n_steps: int) -> None:
    """A short warm-up, then half a cosine down to nothing."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    rate = schedule.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * step / n_steps))
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def _follow(average: nn.Module, part: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of weights and of BatchNorm's statistics; short at first, so that it starts well."""
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.state_dict().values(), part.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def checkpoint_path(folder: Path, stage: StageName) -> Path:
    return folder / f"{stage}.pt"


def _identity(plan: TrainingPlan, path: Path) -> str:
    """What must be the same for a checkpoint to go on: the parts of the plan that its stage depends on."""
    parts = {"image": {"image"}, "calm": {"image", "calm"}, "audio": {"audio", "leave_out"}}[path.stem]
    return json.dumps(plan.model_dump(include=parts | {"seed", "data_seed"}), sort_keys=True)


def _save(
    path: Path, plan: TrainingPlan, epochs: int, part: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "identity": _identity(plan, path),
            "plan": plan.model_dump_json(),
            "epochs": epochs,
            "part": part.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
        },
        partial,
    )
    partial.replace(path)


def _resume(
    path: Path, plan: TrainingPlan, part: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Restore the state and return the number of epochs done; 0 if there is no checkpoint."""
    if not path.exists():
        return 0
    state = read_state(path)
    if state["identity"] != _identity(plan, path):
        raise SettingsError(f"expected {path} to be of this plan, it is of {state['plan']}; name another --output")
    restore(path, (part, state["part"]), (average, state["average"]), (optimizer, state["optimizer"]))
    return int(state["epochs"])


def restore(path: Path, *restored: tuple[nn.Module | torch.optim.Optimizer, Any]) -> None:
    """Load each state from the checkpoint at path. Raises DataError if one does not fit."""
    try:
        for owner, state in restored:
            owner.load_state_dict(state)
    except Exception as exc:  # torch documents none for what is no state
        raise _damaged(path, exc) from exc


def make_folder(folder: Path) -> None:
    """Raises SettingsError if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise SettingsError(f"expected to write to {folder}, that fails ({exc.strerror}); name another folder") from exc


def read_state(path: Path) -> dict[str, Any]:
    """What a checkpoint holds. Raises DataError if it is damaged."""
    try:
        with open_regular(path, MAX_CHECKPOINT_BYTES) as file:
            state = torch.load(file, weights_only=True)
        if not {"identity", "plan", "epochs", "part", "average", "optimizer"} <= state.keys():
            raise ValueError("a part of it is missing")
    except Exception as exc:  # torch documents no closed set of errors for broken files
        raise _damaged(path, exc) from exc
    return dict(state)


def _damaged(path: Path, exc: Exception) -> DataError:
    reason = " ".join(str(exc).split())[:100]
    return DataError(f"expected {path} to be a checkpoint, it is damaged ({reason}); remove it, train again")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
