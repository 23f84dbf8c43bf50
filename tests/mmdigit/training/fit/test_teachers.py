"""Teachers: their mean answer, whom a training accepts as one, and a student that follows them."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.fit import teachers  # noqa: E402
from mmdigit.training.fit.checkpoints import checkpoint_path  # noqa: E402
from mmdigit.training.fit.teachers import (  # noqa: E402
    distillation_loss,
    load_taught,
    load_teachers,
    new_audio_classifier,
    teach,
)
from mmdigit.training.fit.train import train_audio  # noqa: E402
from schemas.errors import DataError, SettingsError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

PLAN = made_up.plan()


def train_teacher(folder: Path, seed: int, stop_after: int | None = None) -> Path:
    audio = PLAN.audio.model_copy(update={"width": 24, "hidden": 16, "layers": 2})
    sets = made_up.sets(folder)
    train_audio(sets, PLAN.model_copy(update={"seed": seed, "audio": audio}), folder / f"{seed}", stop_after=stop_after)
    return folder / f"{seed}"


def test_teachers_answer_together(tmp_path: Path) -> None:
    folders = [train_teacher(tmp_path, seed) for seed in (1, 2)]
    found, digests = load_teachers(folders)
    assert len(set(digests)) == 2
    clips = made_up.sets(tmp_path).augmented_clips
    both = teach(found, clips).astype(np.float32)
    alone = [teach([teacher], clips).astype(np.float32) for teacher in found]
    np.testing.assert_allclose(both, (alone[0] + alone[1]) / 2, atol=2e-3)
    np.testing.assert_allclose(both[:, :10].sum(axis=1), 1, atol=5e-3)


def test_answers_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, digests = load_teachers([train_teacher(tmp_path, 1)])
    clips, cache = made_up.sets(tmp_path).augmented_clips, tmp_path / "cache"
    first = load_taught(found, digests, clips, cache)
    np.testing.assert_array_equal(first, teach(found, clips))
    monkeypatch.setattr(teachers, "teach", lambda *_: pytest.fail("expected the cached answers"))
    np.testing.assert_array_equal(load_taught(found, digests, clips, cache), first)
    [kept] = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:200])
    with pytest.raises(DataError, match=r"expected teachers' answers in .*, got a damaged file .*; remove it"):
        load_taught(found, digests, clips, cache)
    with pytest.raises(pytest.fail.Exception):  # other teachers' answers are other files
        load_taught(found, ("0" * 64,), clips, cache)


def test_unfinished_or_missing_teacher_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected an audio classifier's checkpoint at .*; train it first"):
        load_teachers([tmp_path])
    with pytest.raises(DataError, match=r"expected 2 epochs in .*, got 1; finish its training"):
        load_teachers([train_teacher(tmp_path, 1, stop_after=1)])


def test_teacher_of_another_version_is_one_line(tmp_path: Path) -> None:
    path = checkpoint_path(train_teacher(tmp_path, 1), "audio")
    torch.save({**torch.load(path, weights_only=True), "plan": "{}"}, path)
    with pytest.raises(DataError, match=r"expected a plan of this version in .*, got another; train again"):
        load_teachers([tmp_path / "1"])


def test_loss_is_least_where_student_and_teachers_agree() -> None:
    torch.manual_seed(1)
    model, embedding = new_audio_classifier(PLAN.audio), torch.rand(16, 128)
    own = torch.cat([model.head(embedding).softmax(1), model.novelty(embedding).sigmoid()], dim=1).detach()
    other = torch.roll(own[:, :10], 1, dims=1)
    assert distillation_loss(model, embedding, own) < distillation_loss(
        model, embedding, torch.cat([other, own[:, 10:]], dim=1)
    )
    assert distillation_loss(model, embedding, own) < distillation_loss(
        model, embedding, torch.cat([own[:, :10], 1 - own[:, 10:]], dim=1)
    )


def test_student_follows_its_teachers_and_keeps_to_them(tmp_path: Path) -> None:
    sets = made_up.sets(tmp_path)
    audio = PLAN.audio.model_copy(update={"epochs": 40, "distillation": 0.9})
    taught = np.zeros((sets.augmented_clips.labels.size, 11), np.float16)
    taught[:, 7] = 1  # the teachers hear a seven in everything
    plan = PLAN.model_copy(update={"audio": audio, "teachers": ("a" * 64,)})
    student = train_audio(sets, plan, tmp_path / "student", taught=taught)
    with torch.no_grad():
        answers = student(sets.augmented_clips.batch(np.arange(64))).logits.softmax(dim=1).mean(dim=0)
    assert int(answers.argmax()) == 7
    with pytest.raises(SettingsError, match="name another --output"):
        train_audio(sets, plan.model_copy(update={"teachers": ("b" * 64,)}), tmp_path / "student", taught=taught)
    assert checkpoint_path(tmp_path / "student", "audio").exists()
