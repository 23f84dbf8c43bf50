"""Reads and writes the checkpoints of a training, one file per stage."""

import json
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from mmdigit.files.regular import open_regular
from mmdigit.training.plan import TrainingPlan
from schemas.errors import DataError, SettingsError

StageName = Literal["image", "calm", "audio", "fusion", "strings"]
STAGES: tuple[StageName, ...] = ("image", "calm", "audio", "fusion")
"""Of the reader; "strings" is the listener's of spoken numbers."""
MAX_CHECKPOINT_BYTES = 4 * 1024 * 1024 * 1024


def checkpoint_path(folder: Path, stage: StageName) -> Path:
    return folder / f"{stage}.pt"


def _identity(plan: TrainingPlan, path: Path) -> str:
    """The fields of the plan that the stage depends on: they must not change when a training resumes."""
    audio = {"audio", "leave_out", "teachers"}
    calm = {"image", "calm"}
    fields = {
        "image": {"image"},
        "calm": calm,
        "audio": audio,
        "fusion": audio | calm | {"fusion"},
        "strings": audio | {"strings"},
    }[path.stem]
    return json.dumps(plan.model_dump(include=fields | {"seed", "data_seed"}), sort_keys=True)


def save(
    path: Path, plan: TrainingPlan, epochs: int, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Replace the checkpoint at path."""
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "identity": _identity(plan, path),
            "plan": plan.model_dump_json(),
            "epochs": epochs,
            "part": model.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
        },
        partial,
    )
    partial.replace(path)


def resume(
    path: Path, plan: TrainingPlan, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Restore the state and return the number of finished epochs; 0 if there is no checkpoint.

    Raises SettingsError if the checkpoint belongs to another plan, DataError if it is damaged.
    """
    if not path.exists():
        return 0
    state = read_state(path)
    if state["identity"] != _identity(plan, path):
        raise SettingsError(f"expected a checkpoint of this plan at {path}, got {state['plan']}; name another --output")
    restore(path, (model, state["part"]), (average, state["average"]), (optimizer, state["optimizer"]))
    return int(state["epochs"])


def restore(path: Path, *restored: tuple[nn.Module | torch.optim.Optimizer, Any]) -> None:
    """Load each state from the checkpoint at path. Raises DataError if one does not fit."""
    try:
        for owner, state in restored:
            owner.load_state_dict(state)
    except Exception as exc:  # torch documents no closed set of errors for a wrong state
        raise _damaged_error(path, exc) from exc


def read_state(path: Path) -> dict[str, Any]:
    """The content of a checkpoint. Raises DataError if it is damaged."""
    try:
        with open_regular(path, MAX_CHECKPOINT_BYTES) as file:
            state = torch.load(file, weights_only=True)
        if not {"identity", "plan", "epochs", "part", "average", "optimizer"} <= state.keys():
            raise ValueError("some of its keys are missing")
    except Exception as exc:  # torch documents no closed set of errors for broken files
        raise _damaged_error(path, exc) from exc
    return dict(state)


def read_plan(state: dict[str, Any], path: Path) -> TrainingPlan:
    """The plan in the content of the checkpoint at path. Raises DataError if it is another version's."""
    try:
        return TrainingPlan.model_validate_json(state["plan"])
    except ValueError as exc:
        raise DataError(f"expected a plan of this version in {path}, got another; train again") from exc


def _damaged_error(path: Path, exc: Exception) -> DataError:
    reason = " ".join(str(exc).split())[:100]
    return DataError(f"expected a checkpoint at {path}, got a damaged one ({reason}); remove it and train again")
