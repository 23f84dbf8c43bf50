"""Training in small: it learns, it resumes to the very same weights, it refuses another plan's checkpoint."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.train import CHECKPOINT, HISTORY, TrainingPlan, load_checkpoint, train  # noqa: E402
from schemas.errors import DataError, SettingsError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

PLAN = TrainingPlan(
    seed=3,
    epochs=2,
    batch_size=32,
    speeds=(1.0, 1.1),
    spoken_digits=0,
    spoken_words=0,
    threads=1,
    mixed_precision=False,
)


def test_an_interrupted_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    sets = made_up.sets()
    whole = train(sets, PLAN, tmp_path / "whole").state_dict()
    train(sets, PLAN, tmp_path / "broken", stop_after=1)
    resumed = train(sets, PLAN, tmp_path / "broken").state_dict()
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0, msg=name)
    histories = [(tmp_path / run / HISTORY).read_text().splitlines() for run in ("whole", "broken")]
    losses = [[json.loads(line)["loss"] for line in lines] for lines in histories]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2
    assert losses[0][1] < losses[0][0]
    model, plan, epochs = load_checkpoint(tmp_path / "whole" / CHECKPOINT)
    assert (plan["seed"], epochs) == (3, 2)
    torch.testing.assert_close(model.state_dict()["image_head.bias"], whole["image_head.bias"], rtol=0, atol=0)
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == sorted([CHECKPOINT, HISTORY])


def test_another_plan_s_checkpoint_is_refused(tmp_path: Path) -> None:
    train(made_up.sets(32), PLAN, tmp_path, stop_after=1)
    with pytest.raises(SettingsError, match="name another --output"):
        train(made_up.sets(32), replace(PLAN, seed=4), tmp_path)


def test_too_little_data_and_no_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 32 handwritten digits, 10 came"):
        train(made_up.sets(10), PLAN, tmp_path)
    with pytest.raises(DataError, match="run `mmdigit train` first"):
        load_checkpoint(tmp_path / "none.pt")
