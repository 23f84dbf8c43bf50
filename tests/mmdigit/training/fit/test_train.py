"""Training in small: it learns, it resumes to the very same weights, it refuses another plan's checkpoint."""

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.fit.checkpoints import HISTORY, STAGES, Machine, checkpoint_path, make_folder, read_state  # noqa: E402
from mmdigit.training.fit.train import load_checkpoint, train  # noqa: E402
from schemas.errors import DataError, SettingsError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

PLAN = made_up.plan()


def test_an_interrupted_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path)
    whole = train(sets, PLAN, tmp_path / "whole").state_dict()
    train(sets, PLAN, tmp_path / "broken", stop_after=1)
    with pytest.raises(DataError, match="1 are done; run `mmdigit train` on"):
        load_checkpoint(tmp_path / "broken")
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
    model, plan = load_checkpoint(tmp_path / "whole")
    assert plan == PLAN
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, whole[name], rtol=0, atol=0, msg=name)
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names == {*(f"{stage}.pt" for stage in STAGES), HISTORY, "tensorboard"}


def test_another_plan_s_checkpoint_is_refused(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path, 32)
    train(sets, PLAN, tmp_path, stop_after=1)
    for other in (made_up.plan(seed=4), made_up.plan(leave_out=("fsdd/a",))):
        with pytest.raises(SettingsError, match="name another --output"):
            train(sets, other, tmp_path)


def test_too_little_data_and_no_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 32 handwritten digits, got 10"):
        train(made_up.sets(tmp_path, 10), PLAN, tmp_path)
    with pytest.raises(DataError, match="run `mmdigit train` first"):
        load_checkpoint(tmp_path / "none")


def test_a_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(SettingsError, match="'toaster' is none; try cpu"):
        Machine(device="toaster")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "{}", "[]"])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, content: bytes | str) -> None:
    path = checkpoint_path(tmp_path, "image")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(json.loads(content), path)
    with pytest.raises(DataError, match="it is damaged") as caught:
        load_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training."""
    folder = tmp_path_factory.mktemp("trained")
    train(made_up.sets(folder), PLAN, folder)
    return folder


@pytest.mark.parametrize("state", [{}, {"head.weight": 1}, [], "weights"])
def test_a_checkpoint_whose_states_do_not_fit_is_one_line(trained: Path, tmp_path: Path, state: object) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    path = checkpoint_path(run, "calm")
    torch.save({**read_state(path), "average": state}, path)
    with pytest.raises(DataError, match="to be a checkpoint, it is damaged"):
        load_checkpoint(run)
    with pytest.raises(DataError, match="to be a checkpoint, it is damaged"):
        train(made_up.sets(tmp_path), PLAN, run)


def test_what_cannot_be_trained_is_said_before_anything_is(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path)
    with pytest.raises(DataError, match="'fsdd/nobody' is none"):
        train(sets, made_up.plan(leave_out=("fsdd/nobody",)), tmp_path / "run")
    greedy = PLAN.model_copy(update={"audio": PLAN.audio.model_copy(update={"batch_size": 1000})})
    with pytest.raises(DataError, match="at least 1000 rows"):
        train(sets, greedy, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "in", Path("/proc/nowhere")):
        with pytest.raises(SettingsError, match="name another folder"):
            make_folder(folder)
