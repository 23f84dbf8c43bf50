"""Metadata of both generations is read; the target error sets the thresholds of the second."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from mmdigit.commands.predict import predict_manifest, target_error_report
from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.decision import OperatingPoint, Thresholds, same_for_all_digits
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from schemas.errors import WeightsError
from tests.mmdigit.small_model import SCALE, generation_1, generation_2, save


def image_of(label: int, confidence: float) -> ModelInput:
    """An input that the small model reads as label with this confidence, at temperature 1."""
    image = np.zeros((28, 28), np.float32)
    image[0, label] = np.log(9 * confidence / (1 - confidence)) / SCALE
    return ModelInput(image=image)


def test_generation_1_keeps_its_fixed_thresholds(tmp_path: Path) -> None:
    path = save(tmp_path / "old.onnx", generation_1(), embeddings=False)
    for target_error in (0.5, 1e-6):
        predictor = Predictor.load(path, target_error=target_error)
        assert predictor.model_version == "mmdigit-1-6c1f64a6"
        confidences = same_for_all_digits(0.99), same_for_all_digits(0.5), same_for_all_digits(0.5)
        assert predictor.thresholds == Thresholds(*confidences, 0.035858, 0.5, 0.793836)
        assert predictor.operating_points["image"] == OperatingPoint(same_for_all_digits(0.99), None, False)
        answers = predictor.predict([image_of(3, 0.985), image_of(4, 0.995)])
        assert [(answer.label, answer.decision) for answer in answers] == [(3, "review"), (4, "accept")]
        assert [answer.confidence for answer in answers] == pytest.approx([0.985, 0.995], abs=1e-5)
    assert target_error_report(predictor).count("not shown, this model file holds fixed thresholds") == 3


def test_generation_2_follows_the_target_error(tmp_path: Path) -> None:
    path = save(tmp_path / "new.onnx", generation_2())
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    loaded = {target: Predictor.load(path, target_error=target) for target in (0.02, 0.001, 0.0005, 0.0001)}
    assert [predictor.thresholds.image_confidence[0] for predictor in loaded.values()] == [0.0, 0.9, 0.99, 0.99]
    assert [predictor.operating_points["image"].meets_target for predictor in loaded.values()] == [
        True,
        True,
        True,
        False,
    ]
    # No bound of the audio's table meets any of them: its confidence has to promise it.
    assert [predictor.thresholds.audio_confidence[0] for predictor in loaded.values()] == [0.98, 0.999, 0.999, 0.999]
    assert loaded[0.02].operating_points["audio"] == OperatingPoint(same_for_all_digits(0.98), 0.07, False)
    assert loaded[0.001].thresholds.agreement == 0.05
    assert Predictor.load(path).thresholds == loaded[0.001].thresholds
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
    text = target_error_report(loaded[0.001])
    assert "target error 0.001" in text
    assert "image accepted from confidence 0.9: shown, held-out data say at most 0.0009" in text
    assert "audio accepted from confidence 0.999: not shown, held-out data say at most 0.1" in text


def test_risk_table_by_digit_replaces_the_rows(tmp_path: Path) -> None:
    metadata = generation_2() | {"temperature": dict.fromkeys(HEADS, 1.0)}
    easier = [0.6 if digit == 4 else 0.95 for digit in range(10)]
    metadata["risk"]["image"]["by_digit"] = [{"confidence": easier, "coverage": 0.9, "error": 0.0, "bound": 0.001}]
    predictor = Predictor.load(save(tmp_path / "new.onnx", metadata), target_error=0.001)
    answers = predictor.predict([image_of(3, 0.9), image_of(4, 0.9)])
    assert [(answer.label, answer.decision) for answer in answers] == [(3, "review"), (4, "accept")]
    assert "image accepted from confidence 0.6-0.95, by digit: shown" in target_error_report(predictor)
    metadata["risk"]["image"]["by_digit"][0]["confidence"] = easier[:9]
    with pytest.raises(WeightsError, match="by_digit"):
        Predictor.load(save(tmp_path / "nine.onnx", metadata))


def test_digits_found_in_a_picture_have_confidences_of_their_own(tmp_path: Path) -> None:
    metadata = generation_2() | {"temperature": dict.fromkeys(HEADS, 1.0)}
    rows = [{"confidence": 0.5, "coverage": 0.9, "error": 0.0, "bound": 0.0005}]
    metadata["photographs"] = {"temperature": 1.5, "risk": {"split": "made up", "total": 100, "rows": rows}}
    predictor = Predictor.load(save(tmp_path / "new.onnx", metadata), target_error=0.001)
    plain = image_of(3, 0.8)
    answers = predictor.predict([plain, replace(plain, photographed=True), plain])
    assert [answer.decision for answer in answers] == ["review", "accept", "review"]
    odds = 9 * 0.8 / 0.2
    expected = [0.8, odds ** (1 / 1.5) / (odds ** (1 / 1.5) + 9), 0.8]
    assert [answer.confidence for answer in answers] == pytest.approx(expected, abs=1e-5)
    assert "photographs accepted from confidence 0.5: shown" in target_error_report(predictor)
    metadata["photographs"]["temperature"] = 0.0
    with pytest.raises(WeightsError, match=r"photographs\.temperature"):
        Predictor.load(save(tmp_path / "zero.onnx", metadata))


def test_shipped_baseline_equals_the_model_card() -> None:
    loaded, other = Predictor.load(target_error=0.001).baseline, Predictor.load(target_error=0.01).baseline
    card = (WEIGHTS.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert set(loaded) == {"image", "audio", "both"}
    for held, expected in loaded.items():
        assert expected.review_share is not None
        [reviewed] = re.findall(rf"^\| {held} \| \d+ \| .* \| ([\d.]+) % \|$", card, re.MULTILINE)
        head = "fused" if held == "both" else held
        [accuracy] = re.findall(
            rf"^\| {head} \| .* \| ([\d.]+) % \| [\d.]+ \| [\d.]+ % \| [\d.]+ % \|$", card, re.MULTILINE
        )
        assert f"{expected.review_share:.2%}" == f"{reviewed}%"
        assert f"{expected.confidence:.2%}" == f"{accuracy}%"
        # How many go to review depends on the target error, and was evaluated at one.
        assert other[held] == replace(expected, review_share=None)


def test_metadata_without_validation_has_no_baseline(tmp_path: Path) -> None:
    for metadata in (generation_1(), generation_2()):
        path = save(tmp_path / f"{metadata['model_version']}.onnx", metadata, embeddings="risk" in metadata)
        assert Predictor.load(path).baseline == {}


def test_temperature_changes_confidences_but_not_labels(tmp_path: Path) -> None:
    metadata = generation_2()
    plain = Predictor.load(save(tmp_path / "plain.onnx", metadata | {"temperature": dict.fromkeys(HEADS, 1.0)}))
    heated = Predictor.load(save(tmp_path / "heated.onnx", metadata))
    random = np.random.default_rng(3)
    images = random.random((40, 28, 28)).astype(np.float32)
    waveforms = random.random((40, N_SAMPLES)).astype(np.float32)
    inputs = [ModelInput(image, waveform) for image, waveform in zip(images, waveforms, strict=True)]
    logits = plain.outputs(inputs)
    for row, (cold, warm) in enumerate(zip(plain.predict(inputs), heated.predict(inputs), strict=True)):
        assert cold.image is not None
        assert warm.image is not None
        assert warm.audio is not None
        assert cold.audio is not None
        assert (cold.image.label, cold.audio.label, cold.label) == (warm.image.label, warm.audio.label, warm.label)
        assert warm.image.confidence < cold.image.confidence
        assert warm.audio.confidence > cold.audio.confidence
        assert warm.confidence == cold.confidence
        powers = np.exp(logits["image_logits"][row].astype(np.float64) / 2)
        assert warm.image.confidence == pytest.approx(powers.max() / powers.sum(), rel=1e-5)


HEADS = ("image", "audio", "fused")


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in generation_2().items() if key != name}


def _with_row(**cells: object) -> dict[str, Any]:
    metadata = generation_2()
    metadata["risk"]["image"]["rows"][0] |= cells
    return metadata


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (_without("risk"), "expected risk, or image_, audio_ and fused_confidence in thresholds, got neither"),
        (_without("thresholds"), "thresholds: Field required"),
        (_without("model_version"), "model_version"),
        (generation_2() | {"temperature": {"image": 1.0, "audio": 1.0}}, "temperature"),
        (generation_2() | {"temperature": {"image": 0.0, "audio": 1.0, "fused": 1.0}}, "temperature.image"),
        (generation_2() | {"temperature": {"image": float("nan"), "audio": 1.0, "fused": 1.0}}, "temperature.image"),
        (generation_2() | {"temperature": {"image": "2", "audio": 1.0, "fused": 1.0}}, "temperature.image"),
        (generation_2() | {"risk": {"image": {"split": "", "total": 1, "rows": []}}}, "risk"),
        (_with_row(bound=-0.1), "risk.image.rows.0.bound"),
        (_with_row(bound=float("nan")), "risk.image.rows.0.bound"),
        (_with_row(confidence=1.5), "risk.image.rows.0.confidence"),
        (_with_row(coverage=None), "risk.image.rows.0.coverage"),
        (generation_1() | {"thresholds": generation_1()["thresholds"] | {"agreement": 2}}, "thresholds.agreement"),
    ],
)
def test_invalid_metadata_is_refused(tmp_path: Path, metadata: dict[str, Any], message: str) -> None:
    path = save(tmp_path / "m.onnx", metadata)
    with pytest.raises(WeightsError, match="the model's metadata in") as caught:
        Predictor.load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target_error", [0.0, 1.0, -1.0, float("nan")])
def test_invalid_target_error_is_a_value_error(target_error: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        Predictor.load(target_error=target_error)


def test_predict_manifest_follows_the_target_error(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", generation_2())
    pixels = np.zeros((28, 28), np.uint8)
    pixels[0, 3], pixels[8:20, 13:15] = 150, 255
    (tmp_path / "three.bin").write_bytes(pixels.tobytes())
    manifest = tmp_path / "m.csv"
    manifest.write_text("id,image,audio,label\na,three.bin,,3\n")
    reviewed = [
        predict_manifest(
            Predictor.load(path, target_error=target_error), manifest, tmp_path / "out.csv", io.StringIO()
        ).review
        for target_error in (0.02, 0.0005)
    ]
    assert reviewed == [0, 1]
