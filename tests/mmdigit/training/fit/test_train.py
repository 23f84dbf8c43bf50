"""Small trainings: they learn, resume to the same weights, and refuse another plan's checkpoint."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.fit.checkpoints import STAGES  # noqa: E402
from mmdigit.training.fit.stage import HISTORY  # noqa: E402
from mmdigit.training.fit.train import train  # noqa: E402
from mmdigit.training.fit.trained import load_trained_model  # noqa: E402
from schemas.errors import DataError, SettingsError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

PLAN = made_up.plan()


def test_train_resumes_to_the_same_weights(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path, 384)
    whole = train(sets, PLAN, tmp_path / "whole").state_dict()
    train(sets, PLAN, tmp_path / "broken", stop_after=1)
    with pytest.raises(DataError, match="got 1; run `mmdigit train` to resume"):
        load_trained_model(tmp_path / "broken")
    resumed = train(sets, PLAN, tmp_path / "broken").state_dict()
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0, msg=name)
    histories = [
        [json.loads(line) for line in (tmp_path / run / HISTORY).read_text().splitlines()]
        for run in ("whole", "broken")
    ]
    for stage in STAGES:
        whole_losses, broken_losses = (
            [record["loss"] for record in history if record["stage"] == stage] for history in histories
        )
        assert whole_losses == broken_losses
        assert stage != "image" or whole_losses[1] < whole_losses[0]  # too little is left for the others to learn
    model, plan = load_trained_model(tmp_path / "whole")
    assert plan == PLAN
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, whole[name], rtol=0, atol=0, msg=name)
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names == {*(f"{stage}.pt" for stage in STAGES), HISTORY, "tensorboard"}


def test_train_refuses_a_checkpoint_of_another_plan(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path, 32)
    train(sets, PLAN, tmp_path, stop_after=1)
    for other in (made_up.plan(seed=4), made_up.plan(leave_out=("fsdd/a",))):
        with pytest.raises(SettingsError, match="name another --output"):
            train(sets, other, tmp_path)


def test_train_refuses_too_few_digits(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 32 handwritten digits, got 10"):
        train(made_up.sets(tmp_path, 10), PLAN, tmp_path)
    with pytest.raises(DataError, match="run `mmdigit train` first"):
        load_trained_model(tmp_path / "none")


def test_train_checks_left_out_speakers_first(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path)
    with pytest.raises(DataError, match="got 'fsdd/nobody'; check leave_out"):
        train(sets, made_up.plan(leave_out=("fsdd/nobody",)), tmp_path / "run")
    greedy = PLAN.model_copy(update={"audio": PLAN.audio.model_copy(update={"batch_size": 1000})})
    with pytest.raises(DataError, match="at least 1000 augmented clips"):
        train(sets, greedy, tmp_path / "run")
    assert not (tmp_path / "run").exists()
