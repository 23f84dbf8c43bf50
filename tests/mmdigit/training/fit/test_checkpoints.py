"""Checkpoints: damaged files, and states that do not fit the model."""

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.fit.checkpoints import checkpoint_path, read_state  # noqa: E402
from mmdigit.training.fit.train import train  # noqa: E402
from mmdigit.training.fit.trained import load_trained_model  # noqa: E402
from schemas.errors import DataError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

PLAN = made_up.plan()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "{}", "[]"])
def test_damaged_checkpoint_is_one_line(tmp_path: Path, content: bytes | str) -> None:
    path = checkpoint_path(tmp_path, "image")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(json.loads(content), path)
    with pytest.raises(DataError, match="got a damaged one") as caught:
        load_trained_model(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training."""
    folder = tmp_path_factory.mktemp("trained")
    train(made_up.sets(folder), PLAN, folder)
    return folder


@pytest.mark.parametrize("state", [{}, {"head.weight": 1}, [], "weights"])
def test_checkpoint_with_wrong_states_is_one_line(trained: Path, tmp_path: Path, state: object) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    path = checkpoint_path(run, "calm")
    torch.save({**read_state(path), "average": state}, path)
    with pytest.raises(DataError, match=r"expected a checkpoint at .*, got a damaged one"):
        load_trained_model(run)
    with pytest.raises(DataError, match=r"expected a checkpoint at .*, got a damaged one"):
        train(made_up.sets(tmp_path), PLAN, run)
