"""The shipped model through the predictor: batches, missing modalities, wrong files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import WEIGHTS, Predictor
from schemas.errors import WeightsError
from schemas.prediction import Answer
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like

TOLERANCE = 1e-5  # of every probability, single against batched


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


def some_inputs(count: int) -> list[ModelInput]:
    """Both, image alone, audio alone, in turn; the contents mean nothing."""
    random = np.random.default_rng(1)
    inputs = []
    for number in range(count):
        image = np.asarray(mnist_like(number) / 255 * random.uniform(0.5, 1), np.float32)
        waveform = np.clip(random.normal(0, random.uniform(0.001, 0.3), N_SAMPLES), -1, 1).astype(np.float32)
        inputs.append(ModelInput(None if number % 3 == 2 else image, None if number % 3 == 1 else waveform))
    return inputs


def numbers(answer: Answer) -> list[float]:
    heads = [head for head in (answer.image, answer.audio, answer.fused) if head is not None]
    of_heads = [number for head in heads for number in (head.confidence, *(head.probabilities or ()))]
    return [*answer.probabilities, answer.confidence, answer.novelty, *of_heads]


@pytest.mark.parametrize("size", [2, 7, 32, 64])
def test_predictor_answers_independently_of_batch_mates(predictor: Predictor, size: int) -> None:
    inputs = some_inputs(size)
    batched = predictor.predict(inputs)
    for each, answer in zip(inputs, batched, strict=True):
        alone = predictor.predict([each])[0]
        np.testing.assert_allclose(numbers(answer), numbers(alone), atol=TOLERANCE)
        assert (answer.label, answer.decision, answer.reasons) == (alone.label, alone.decision, alone.reasons)
    backwards = predictor.predict(inputs[::-1])
    for answer, other in zip(batched, backwards[::-1], strict=True):
        np.testing.assert_allclose(numbers(answer), numbers(other), atol=TOLERANCE)


def test_predictor_answers_independently_of_loud_batch_mates(predictor: Predictor) -> None:
    quiet = some_inputs(1)[0]
    loud = ModelInput(np.ones((28, 28), np.float32), np.ones(N_SAMPLES, np.float32))
    alone, batched = predictor.predict([quiet])[0], predictor.predict([loud] * 5 + [quiet])[5]
    np.testing.assert_allclose(numbers(batched), numbers(alone), atol=TOLERANCE)


def test_predictor_answers_for_each_modality(predictor: Predictor) -> None:
    both, image, audio = predictor.predict(some_inputs(3))
    assert both.image is not None
    assert both.audio is not None
    assert both.fused is not None
    assert (both.label, both.confidence) == (both.fused.label, both.fused.confidence)
    assert (image.audio, image.fused, audio.image, audio.fused) == (None, None, None, None)
    assert image.image is not None
    assert (image.label, image.confidence) == (image.image.label, image.image.confidence)
    assert audio.audio is not None
    assert (audio.label, audio.confidence) == (audio.audio.label, audio.audio.confidence)
    for head in (both.image, both.audio):
        assert head.probabilities is not None
        assert sum(head.probabilities) == pytest.approx(1)
        assert head.confidence == max(head.probabilities) == head.probabilities[head.label]
    # These are the answer's own.
    assert both.fused.probabilities is image.image.probabilities is audio.audio.probabilities is None
    for answer in (both, image, audio):
        assert sum(answer.probabilities) == pytest.approx(1)
        assert answer.model_version == predictor.model_version


def test_predictor_returns_nothing_for_no_inputs(predictor: Predictor) -> None:
    assert predictor.predict([]) == []
    assert list(predictor.predict_all([])) == []


def test_predict_all_gives_every_answer_in_order(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = some_inputs(7)
    monkeypatch.setattr("mmdigit.reading.predictor.BATCH", 3)
    assert [each.label for each in predictor.predict_all(iter(inputs))] == [
        each.label for each in predictor.predict(inputs)
    ]


@pytest.mark.parametrize("head", ["image", "audio", "fused"])
def test_predictor_refuses_outputs_that_are_no_numbers(monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    predictor = Predictor.load()
    inputs = [ModelInput(np.zeros((28, 28), np.float32), np.ones(8000, np.float32))] * 3
    outputs = predictor.outputs(inputs)
    outputs = {name: np.array(values) for name, values in outputs.items()}
    outputs[f"{head}_logits"][1] = np.nan
    monkeypatch.setattr(
        predictor, "outputs", lambda taken: {name: values[: len(taken)] for name, values in outputs.items()}
    )
    assert len(predictor.predict(inputs[:1])) == 1
    with pytest.raises(ValueError, match="confidence"):
        predictor.predict(inputs)


def test_predictor_warm_up_changes_no_answer(predictor: Predictor) -> None:
    before = predictor.predict(some_inputs(3))
    predictor.warm_up()
    assert predictor.predict(some_inputs(3)) == before


def test_predictor_finds_no_digit_in_a_blank_image(predictor: Predictor) -> None:
    blank = decode_input(as_bytes(drawn_digit(ink=255)), None)
    answer = predictor.predict([blank])[0]
    assert answer.novelty > 0.9
    assert "not_a_digit" in answer.reasons


def test_decode_input_tells_digits_found_in_a_picture() -> None:
    assert not decode_input(mnist_like(3).tobytes(), None).photographed
    assert decode_input(as_bytes(drawn_digit(), "PNG"), None).photographed


def test_predictor_reads_a_drawn_digit(predictor: Predictor) -> None:
    answer = predictor.predict([decode_input(as_bytes(drawn_digit()), None)])[0]
    assert (answer.label, answer.decision) == (7, "accept")


@pytest.mark.parametrize(
    "each",
    [
        ModelInput(image=np.zeros((27, 28), np.float32)),
        ModelInput(image=np.zeros((1, 28, 28), np.float32)),
        ModelInput(waveform=np.zeros(N_SAMPLES - 1, np.float32)),
        ModelInput(image=np.full((28, 28), np.nan, np.float32)),
        ModelInput(waveform=np.full(N_SAMPLES, np.inf, np.float32)),
    ],
    ids=["width", "axes", "length", "nan", "infinity"],
)
def test_predictor_raises_value_error_for_wrong_arrays(predictor: Predictor, each: ModelInput) -> None:
    with pytest.raises(ValueError, match="input 1: expected"):
        predictor.predict([*some_inputs(1), each])


def test_missing_model_is_a_weights_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected a model at .*got an error"):
        Predictor.load(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model", "expected .* with SHA-256"),
        ("metadata", "the model's metadata in"),
        ("list", "the model's metadata in"),
        ("missing", "the model's metadata in"),
        ("thresholds", "the model's metadata in"),
    ],
)
def test_altered_model_is_refused(tmp_path: Path, change: str, message: str) -> None:
    model, metadata = tmp_path / "m.onnx", tmp_path / "m.json"
    shutil.copy(WEIGHTS, model)
    known = json.loads(WEIGHTS.with_suffix(".json").read_text())
    if change == "model":
        model.write_bytes(model.read_bytes()[:-1] + b"x")
    if change == "missing":
        del known["thresholds"]
    if change == "thresholds":
        known["thresholds"] = {"image_confidence": 1}
    metadata.write_text({"metadata": "{", "list": "[]"}.get(change, json.dumps(known)))
    with pytest.raises(WeightsError, match=message) as caught:
        Predictor.load(model)
    assert "\n" not in str(caught.value)


def test_prediction_does_not_import_torch() -> None:
    modules = "sys, mmdigit.cli, mmdigit.commands.predict, mmdigit.training.evaluate.command"
    code = f"import {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
