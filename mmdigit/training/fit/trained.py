"""Loads the model of a finished training."""

from pathlib import Path

from mmdigit.training.fit.checkpoints import STAGES, checkpoint_path, read_plan, read_state, restore
from mmdigit.training.fit.model import DigitModel
from mmdigit.training.plan import TrainingPlan
from schemas.errors import DataError


def load_trained_model(folder: Path) -> tuple[DigitModel, TrainingPlan]:
    """The model of a finished training and its plan. Raises DataError if a stage is missing or unfinished."""
    states = {}
    for stage in STAGES:
        path = checkpoint_path(folder, stage)
        if not path.exists():
            raise DataError(f"expected a checkpoint at {path}, got no such file; run `mmdigit train` first")
        states[stage] = read_state(path)
        plan = read_plan(states[stage], path)
        finished, n_epochs = states[stage]["epochs"], getattr(plan, stage).epochs
        if finished != n_epochs:
            raise DataError(f"expected {n_epochs} epochs in {path}, got {finished}; run `mmdigit train` to resume")
    model = DigitModel()
    restore(checkpoint_path(folder, "calm"), (model.image, states["calm"]["average"]))
    restore(checkpoint_path(folder, "audio"), (model.audio, states["audio"]["average"]))
    restore(checkpoint_path(folder, "fusion"), (model.fusion, states["fusion"]["average"]))
    return model.eval(), plan
