"""Files that a training reads: special files and huge ones are refused at once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from mmdigit.datasets.idx import Content, read_idx
from mmdigit.training.data.splits import Digits, load_glyphs
from mmdigit.training.evaluate.held_out import FOLD_FILE, read_folds
from mmdigit.training.fit.checkpoints import read_state
from mmdigit.training.plan import TrainingPlan
from schemas.errors import SettingsError


def read_bytes(path: Path) -> object:
    return read_idx(path, Content((1,)))


@pytest.mark.parametrize("read", [TrainingPlan.read, read_state, read_bytes])
@pytest.mark.parametrize("place", ["pipe", "/dev/zero", "."])
def test_readers_refuse_special_files(tmp_path: Path, read: Callable[[Path], object], place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="not a regular file"):
        read(tmp_path / place)


def test_omniglot_and_folds_refuse_special_files(tmp_path: Path) -> None:
    for path in (tmp_path / "omniglot" / "images_background_small1.zip", tmp_path / "theo" / FOLD_FILE):
        path.parent.mkdir()
        os.mkfifo(path)
    with pytest.raises(SettingsError, match="not a regular file"):
        load_glyphs(tmp_path, "train")
    with pytest.raises(SettingsError, match="not a regular file"):
        read_folds(tmp_path, cast(Digits, None), ["theo"])  # the file is opened before they are looked at


def test_checkpoint_and_plan_sizes_are_bounded(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)  # sparse
    for read in (read_state, TrainingPlan.read):
        with pytest.raises(SettingsError, match="larger than"):
            read(tmp_path / "huge")
