"""The parts of an exported file say what the whole says, for the files of every generation."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.evaluate.split_model import PartedModel, log_softmax, softmax
from schemas.errors import WeightsError

N = 5
RANDOM = np.random.default_rng(4)
IMAGES = (RANDOM.random((N, 28, 28)) ** 4).astype(np.float32)
SOUNDS = np.stack([speech_window(sound) for sound in RANDOM.normal(0, 0.1, (N, 6000)).astype(np.float32)])


def check_parts_against_whole(path: Path) -> None:
    model, whole = PartedModel.load(path), Predictor.load(path)
    seen, heard = model.see(IMAGES), model.hear(SOUNDS)
    fused = model.probabilities("fused", model.fuse(seen, heard))  # (N, N, 10)
    pairs = [ModelInput(image, sound) for image in IMAGES for sound in SOUNDS]
    assert fused.reshape(-1, 10) == pytest.approx(np.array([a.probabilities for a in whole.predict(pairs)]), abs=1e-4)
    images = whole.predict([ModelInput(image) for image in IMAGES])
    sounds = whole.predict([ModelInput(waveform=sound) for sound in SOUNDS])
    for head, encoded, answers in (("image", seen, images), ("audio", heard, sounds)):
        expected = np.array([answer.probabilities for answer in answers])
        assert model.probabilities(head, encoded.logits) == pytest.approx(expected, abs=1e-4)
    assert seen.novelty == pytest.approx([answer.novelty for answer in images], abs=1e-4)
    assert heard.novelty == pytest.approx([answer.novelty for answer in sounds], abs=1e-4)


def test_the_parts_of_the_shipped_file_say_what_the_whole_says() -> None:
    check_parts_against_whole(WEIGHTS)


def test_the_parts_of_a_new_file_say_what_the_whole_says(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from mmdigit.training.fit.model import DigitModel
    from mmdigit.training.release.calibration import OPEN
    from mmdigit.training.release.export import write_model

    torch.manual_seed(3)
    write_model(DigitModel(), tmp_path / "m.onnx", OPEN)
    check_parts_against_whole(tmp_path / "m.onnx")


@pytest.mark.parametrize("hidden", ["image", "audio"])
def test_a_hidden_modality_changes_nothing(hidden: str) -> None:
    model = PartedModel.load()
    seen, heard = model.see(IMAGES), model.hear(SOUNDS)
    places, others = np.arange(N), np.arange(N)[::-1].copy()
    present = {"image_present": hidden != "image", "audio_present": hidden != "audio"}
    found = model.fuse_pairs(seen, places, heard, places, **present)
    exchanged = (others, places) if hidden == "image" else (places, others)
    assert found == pytest.approx(model.fuse_pairs(seen, exchanged[0], heard, exchanged[1], **present))
    assert np.abs(found - model.fuse_pairs(seen, places, heard, places)).max() > 0.01


def copy_with(folder: Path, **changes: Any) -> Path:
    path = folder / "m.onnx"
    shutil.copy(WEIGHTS, path)
    metadata = json.loads(WEIGHTS.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**metadata, **changes}))
    return path


def test_temperatures_soften_the_probabilities(tmp_path: Path) -> None:
    model = PartedModel.load(copy_with(tmp_path, temperature={"image": 2.0, "audio": 1.0, "fused": 0.5}))
    logits = np.array([[4.0, 0.0] + [-40.0] * 8])
    assert model.probabilities("image", logits)[0, 0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert model.probabilities("fused", logits)[0, 0] == pytest.approx(1 / (1 + np.exp(-8)))
    assert np.exp(log_softmax(logits)) == pytest.approx(softmax(logits))


@pytest.mark.parametrize("temperature", [{"image": 0}, {"image": "warm"}, {"image": -1.0}, 3, {"fused": float("nan")}])
def test_senseless_temperatures_are_refused(tmp_path: Path, temperature: Any) -> None:
    with pytest.raises(WeightsError, match="the model's metadata in"):
        PartedModel.load(copy_with(tmp_path, temperature=temperature))
