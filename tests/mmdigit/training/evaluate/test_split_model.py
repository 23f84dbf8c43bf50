"""The parts of an exported file agree with the whole file, for every generation."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.decision import softmax
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.evaluate.split_model import SplitModel, log_softmax
from schemas.errors import WeightsError

N = 5
RANDOM = np.random.default_rng(4)
IMAGES = (RANDOM.random((N, 28, 28)) ** 4).astype(np.float32)
WAVEFORMS = np.stack([speech_window(noise) for noise in RANDOM.normal(0, 0.1, (N, 6000)).astype(np.float32)])


def check_parts_against_whole(path: Path) -> None:
    model, whole = SplitModel.load(path), Predictor.load(path)
    encoded_images, encoded_clips = model.encode_image(IMAGES), model.encode_audio(WAVEFORMS)
    fused = model.probabilities("fused", model.fuse(encoded_images, encoded_clips))  # (N, N, 10)
    pairs = [ModelInput(image, waveform) for image in IMAGES for waveform in WAVEFORMS]
    assert fused.reshape(-1, 10) == pytest.approx(np.array([a.probabilities for a in whole.predict(pairs)]), abs=1e-4)
    images = whole.predict([ModelInput(image) for image in IMAGES])
    clips = whole.predict([ModelInput(waveform=waveform) for waveform in WAVEFORMS])
    for head, encoded, answers in (("image", encoded_images, images), ("audio", encoded_clips, clips)):
        expected = np.array([answer.probabilities for answer in answers])
        assert model.probabilities(head, encoded.logits) == pytest.approx(expected, abs=1e-4)
    assert encoded_images.novelty == pytest.approx([answer.novelty for answer in images], abs=1e-4)
    assert encoded_clips.novelty == pytest.approx([answer.novelty for answer in clips], abs=1e-4)


def test_split_model_agrees_with_the_shipped_file() -> None:
    check_parts_against_whole(WEIGHTS)


def test_split_model_agrees_with_a_new_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from mmdigit.training.fit.model import DigitModel
    from mmdigit.training.release.calibration import ACCEPT_ALL
    from mmdigit.training.release.export import write_model

    torch.manual_seed(3)
    write_model(DigitModel(), tmp_path / "m.onnx", ACCEPT_ALL)
    check_parts_against_whole(tmp_path / "m.onnx")


@pytest.mark.parametrize("hidden", ["image", "audio"])
def test_fuse_pairs_ignores_a_hidden_modality(hidden: str) -> None:
    model = SplitModel.load()
    encoded_images, encoded_clips = model.encode_image(IMAGES), model.encode_audio(WAVEFORMS)
    rows, others = np.arange(N), np.arange(N)[::-1].copy()
    present = {"image_present": hidden != "image", "audio_present": hidden != "audio"}
    found = model.fuse_pairs(encoded_images, rows, encoded_clips, rows, **present)
    exchanged = (others, rows) if hidden == "image" else (rows, others)
    assert found == pytest.approx(
        model.fuse_pairs(encoded_images, exchanged[0], encoded_clips, exchanged[1], **present)
    )
    assert np.abs(found - model.fuse_pairs(encoded_images, rows, encoded_clips, rows)).max() > 0.01


def copy_with(folder: Path, **changes: Any) -> Path:
    path = folder / "m.onnx"
    shutil.copy(WEIGHTS, path)
    metadata = json.loads(WEIGHTS.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**metadata, **changes}))
    return path


def test_probabilities_use_the_temperature(tmp_path: Path) -> None:
    model = SplitModel.load(copy_with(tmp_path, temperature={"image": 2.0, "audio": 1.0, "fused": 0.5}))
    logits = np.array([[4.0, 0.0] + [-40.0] * 8])
    assert model.probabilities("image", logits)[0, 0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert model.probabilities("fused", logits)[0, 0] == pytest.approx(1 / (1 + np.exp(-8)))
    assert np.exp(log_softmax(logits)) == pytest.approx(softmax(logits))


@pytest.mark.parametrize("temperature", [{"image": 0}, {"image": "warm"}, {"image": -1.0}, 3, {"fused": float("nan")}])
def test_split_model_refuses_invalid_temperatures(tmp_path: Path, temperature: Any) -> None:
    with pytest.raises(WeightsError, match="the model's metadata in"):
        SplitModel.load(copy_with(tmp_path, temperature=temperature))
