"""Seeds and fused heads: beside the shipped training in one folder; what is missing is one line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.train import train
from mmdigit.training.study import command, folds
from schemas.errors import DataError
from tests.mmdigit.training import made_up

PLAN = made_up.one_epoch_plan()


def test_study_seeds_summarizes_all_seeds(small: Path) -> None:
    """Beside a training with teachers in the same folder, as the shipped one is."""
    taught = PLAN.model_copy(update={"seed": folds.SHIPPED_SEED, "teachers": ("0" * 64,)})
    train(made_up.sets(small), taught, small / "runs" / f"seed-{folds.SHIPPED_SEED}")
    command.run("seeds", small, small / "runs", small / "seeds.json", PLAN, Hardware())
    report = json.loads((small / "seeds.json").read_text())
    assert [row["seed"] for row in report["seeds"]] == [1, 2]
    for split in ("image", "photographed"):
        assert report["mean"][split] == pytest.approx(sum(row[split] for row in report["seeds"]) / 2)
    assert report["shipped"] == 1


def test_study_fusion_compares_all_heads(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[list[str]] = []

    def compare(_: object, heads: dict[str, object], *__: object) -> list[object]:
        compared.append(list(heads))
        return []

    monkeypatch.setattr(command, "compare_heads", compare)
    with pytest.raises(DataError, match="run `mmdigit train` first"):
        command.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    taught = PLAN.model_copy(update={"seed": folds.SHIPPED_SEED, "teachers": ("0" * 64,)})
    sets = made_up.sets(small)
    train(sets, taught, small / "runs" / f"seed-{folds.SHIPPED_SEED}")
    with pytest.raises(DataError, match="expected clips of unseen speakers, got none; run `mmdigit data download"):
        command.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    others = replace(sets, validation_clips=[replace(clip, source="prompts") for clip in sets.validation_clips])
    monkeypatch.setattr(command, "load_sets", lambda *_: others)
    command.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    assert compared == [["sum", "concatenation", "gates", "correction"]]
    report = json.loads((small / "fusion.json").read_text())
    assert report["heads"] == []
    assert report["plan"]["teachers"] == ["0" * 64]
