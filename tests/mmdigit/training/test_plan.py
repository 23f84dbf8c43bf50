"""The training plan: the shipped files are read, and any mistake is reported in one line."""

from pathlib import Path

import pytest

from mmdigit.training.plan import CONFIGS, TrainingPlan
from schemas.errors import SettingsError


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_plan_reads_shipped_files_and_survives_json(path: Path) -> None:
    plan = TrainingPlan.read(path)
    assert TrainingPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 22", "epochs = 0", "image.epochs: Input should be greater than or equal to 1"),
        ("[image]", "[imago]", "imago: Extra inputs"),
        ('"warp"', '"wrap"', "audio.distortions"),
        ("seed = 1", "seed = ", "to be TOML"),
        ("fsdd = 0.20", "fsdd = -1", "audio.shares.fsdd"),
        ("fsdd = 0.20", "fsdd = inf", "audio.shares.fsdd"),
        ("negatives = 0.12", "negatives = 1.0", "image.negatives"),
        ("seed = 1", f"seed = {'1' * 5000}", "to be TOML"),
        ("seed = 1", f"seed = {'[' * 3000}", "to be TOML"),
        ("seed = 1", '"\\u001b[31mred" = 1', "Extra inputs"),
    ],
)
def test_plan_with_an_error_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (CONFIGS / "shipped.toml").read_text()
    assert old in text
    (tmp_path / "c.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError, match=message) as caught:
        TrainingPlan.read(tmp_path / "c.toml")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_plan_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read it"):
        TrainingPlan.read(tmp_path / "none.toml")


def test_plan_takes_from_its_base_what_it_does_not_say(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('base = "shipped"\nseed = 7\n[audio]\nepochs = 1\n')
    plan, shipped = (TrainingPlan.read(path) for path in (tmp_path / "c.toml", CONFIGS / "shipped.toml"))
    audio = shipped.audio.model_copy(update={"epochs": 1})
    assert plan == shipped.model_copy(update={"seed": 7, "audio": audio})


@pytest.mark.parametrize("base", ['"../configs/shipped"', '"none"', "3", "[]"])
def test_plan_of_an_unknown_base_is_one_line(tmp_path: Path, base: str) -> None:
    (tmp_path / "c.toml").write_text(f"base = {base}\n")
    with pytest.raises(SettingsError, match="expected base to be one of folds, quick, shipped, teacher, writers"):
        TrainingPlan.read(tmp_path / "c.toml")
