"""Small studies: every fold leaves its speaker out, results are dated, a finished study does not train again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmdigit.training import study
from mmdigit.training.evaluate.corrupt_audio import gusts
from mmdigit.training.evaluate.held_out import FOLD_FILE
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.fit.train import train
from schemas.errors import DataError
from tests.mmdigit.training import made_up

PLAN = made_up.plan(
    image=made_up.plan().image.model_copy(update={"epochs": 1}),
    calm=made_up.plan().calm.model_copy(update={"epochs": 1}),
    audio=made_up.plan().audio.model_copy(update={"epochs": 1}),
)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sets = made_up.sets(tmp_path)
    clips = [replace(clip, index=clip.index + 5 * part) for clip in made_up.clips(2)[:20] for part in range(2)]
    monkeypatch.setattr(study, "load_sets", lambda *_: sets)
    monkeypatch.setattr(study, "load_images", lambda *_: sets.images)
    monkeypatch.setattr(study, "load_digits", lambda *_: made_up.digits(20, 9))
    monkeypatch.setattr(study, "load_clips", lambda _, split: clips if split == "test" else [])
    monkeypatch.setattr(study, "FSDD_SPEAKERS", ("a", "b"))
    monkeypatch.setattr(study, "SEEDS", (1, 2))
    monkeypatch.setattr(study, "NOISES", {"gusts": gusts})
    monkeypatch.setattr(study, "RATIOS_DB", (5,))
    return tmp_path


def test_study_folds_leaves_each_speaker_out(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = small / "results" / "folds.json"
    study.run("folds", small, small / "runs", result, PLAN, Hardware())
    report = json.loads(result.read_text())
    assert report["command"] == "mmdigit study folds"
    assert [row["speaker"] for row in report["speakers"]] == ["a", "b"]
    audio = [row["audio"]["accuracy"] for row in report["speakers"]]
    assert report["audio"]["worst"] == min(audio)
    assert report["audio"]["mean"] == pytest.approx(sum(audio) / 2)
    assert 0 <= report["audio"]["ece"] <= 1
    assert set(report["noise"]) == {"5 dB"}
    assert report["people"]["groups"][0]["clips"] == 20  # 10 of each of two speakers, without the test split
    for speaker in ("a", "b"):
        with np.load(small / "runs" / "folds" / speaker / FOLD_FILE) as kept:
            assert kept["audio_logits"].shape == (20, 10)
            assert kept["fused_logits"].shape[0] == kept["fused_labels"].size == 20 * study.N_PARTNERS
            assert kept["indices"][kept["fused_clips"]].min() >= 5  # the official test recordings calibrate nothing
            calibrating = kept["indices"] >= 5
            unseen = fit_temperature(kept["audio_logits"][calibrating], kept["labels"][calibrating])
        other = json.loads((small / "runs" / "folds" / {"a": "b", "b": "a"}[speaker] / "mmdigit.json").read_text())
        assert other["temperature"]["audio"] == pytest.approx(unseen, rel=0.05)  # its own people say nothing
    capsys.readouterr()
    study.run("folds", small, small / "runs", result, PLAN, Hardware())
    again = json.loads(result.read_text())
    assert '"epoch"' not in capsys.readouterr().err
    assert {**again, "measured_at": 0} == {**report, "measured_at": 0}


def test_folds_are_summarized_by_the_speakers_of_fsdd_alone(tmp_path: Path) -> None:
    """Other people's clips, here all misread, only calibrate."""
    labels = np.tile(np.arange(10), 2)
    indices = np.where(np.arange(20) < 10, 7, study.OTHER_INDICES + 7)
    logits = 9 * np.eye(10, dtype=np.float32)[np.where(indices < study.OTHER_INDICES, labels, 9 - labels)]
    for speaker in "ab":
        (tmp_path / "folds" / speaker).mkdir(parents=True)
        np.savez(tmp_path / "folds" / speaker / FOLD_FILE, audio_logits=logits, labels=labels, indices=indices)
    row = {"accuracy": 1.0}
    summary = study._summarize_folds([{"speaker": each, "audio": row, "fused": row} for each in "ab"], tmp_path)
    assert summary["audio"]["interval_95"] == [1.0, 1.0]


def test_study_seeds_summarizes_all_seeds(small: Path) -> None:
    """Beside a training with teachers in the same folder, as the shipped one is."""
    taught = PLAN.model_copy(update={"seed": study.SHIPPED_SEED, "teachers": ("0" * 64,)})
    train(made_up.sets(small), taught, small / "runs" / f"seed-{study.SHIPPED_SEED}")
    study.run("seeds", small, small / "runs", small / "seeds.json", PLAN, Hardware())
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

    monkeypatch.setattr(study, "compare_heads", compare)
    with pytest.raises(DataError, match="run `mmdigit train` first"):
        study.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    taught = PLAN.model_copy(update={"seed": study.SHIPPED_SEED, "teachers": ("0" * 64,)})
    sets = made_up.sets(small)
    train(sets, taught, small / "runs" / f"seed-{study.SHIPPED_SEED}")
    with pytest.raises(DataError, match="expected clips of unseen speakers, got none; run `mmdigit data download"):
        study.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    others = replace(sets, validation_clips=[replace(clip, source="prompts") for clip in sets.validation_clips])
    monkeypatch.setattr(study, "load_sets", lambda *_: others)
    study.run("fusion", small, small / "runs", small / "fusion.json", PLAN, Hardware())
    assert compared == [["sum", "concatenation", "gates", "correction"]]
    report = json.loads((small / "fusion.json").read_text())
    assert report["heads"] == []
    assert report["plan"]["teachers"] == ["0" * 64]
