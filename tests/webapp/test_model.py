"""Reading in the page alone: what js/model/ answers is what Python's predictor answers to the same arrays."""

import base64
import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Route

from lab.kit.polling import until
from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS
from mmdigit.reading.image import crossed_out
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.metadata import read_metadata
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import WEIGHTS, Predictor
from schemas.prediction import Answer
from tests.webapp.conftest import NewPage, forgive

PACK = Path("samples/pack")
TOLERANCE = 1e-5
"""The largest difference seen is 8.5e-7, as that between one input alone and in a batch."""
MODEL = "**/app/model/mmdigit.onnx"
READ = """
async (inputs) => {
  const { readInPage } = await import("/app/js/model/reader.js")
  const floats = (text) => text && new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt()).buffer)
  return Promise.all(inputs.map(({ image, waveform, ...seen }) =>
    readInPage({ image: floats(image), waveform: floats(waveform), ...seen })))
}
"""
THRESHOLDS = """
async (targets) => {
  const { thresholdsOf } = await import("/app/js/model/metadata.js")
  const metadata = await (await fetch("/app/model/mmdigit.json")).json()
  return targets.map(([photographed, target]) => thresholdsOf(metadata, photographed, target))
}
"""
TRUST = """
async (path) => {
  const { scriptUrl } = await import("/app/js/trusted.js")
  try {
    return `trusted ${scriptUrl(path)}`
  } catch (error) {
    return error.name
  }
}
"""
START = """
async () => {
  const { readInPage } = await import("/app/js/model/reader.js")
  const image = Float32Array.from({ length: 784 }, (_, index) => (index % 28 === 14 ? 1 : 0))
  window.answer = readInPage({ image }).then((prediction) => prediction.label, (error) => error.code)
}
"""


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


def pairs(count: int) -> list[ModelInput]:
    """Of the sample pack."""
    with (PACK / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] and row["audio"]][:count]
    return [decode_input((PACK / row["image"]).read_bytes(), (PACK / row["audio"]).read_bytes()) for row in rows]


def others(found: Sequence[ModelInput]) -> list[ModelInput]:
    """Image alone, audio alone, pairs that differ, what is no digit, and what is crossed out."""
    random = np.random.default_rng(25)
    noise = [random.random((IMAGE_SIDE, IMAGE_SIDE), np.float32) for _ in range(4)]
    stripes = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    stripes[4:24:4] = 1
    struck = [np.maximum(each.image, np.eye(IMAGE_SIDE, dtype=np.float32)) for each in found if each.image is not None]
    hum = np.sin(np.arange(N_SAMPLES, dtype=np.float32) / 7).astype(np.float32) * np.float32(0.9)
    hiss = random.uniform(-1, 1, N_SAMPLES).astype(np.float32)
    return [
        *(ModelInput(each.image) for each in found),
        *(ModelInput(None, each.waveform) for each in found),
        *(ModelInput(one.image, other.waveform) for one, other in pairwise(found)),
        *(ModelInput(image, hum) for image in noise),
        *(ModelInput(image) for image in [*noise, stripes, *struck]),
        ModelInput(None, hum),
        ModelInput(None, hiss),
        ModelInput(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)),
        ModelInput(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32), np.zeros(N_SAMPLES, np.float32)),
        ModelInput(found[0].image, found[0].waveform, ("several_digits",)),
    ]


def sent(inputs: Sequence[ModelInput]) -> list[dict[str, Any]]:
    """As the page takes them."""
    return [
        {
            "image": _base64(each.image),
            "waveform": _base64(each.waveform),
            "reasons": list(each.reasons),
            "photographed": each.photographed,
        }
        for each in inputs
    ]


def _base64(values: NDArray[np.float32] | None) -> str | None:
    return None if values is None else base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _numbers(answer: Answer) -> NDArray[np.float64]:
    heads = [head for head in (answer.image, answer.audio, answer.fused) if head is not None]
    every = [answer.probabilities, *(head.probabilities for head in heads if head.probabilities is not None)]
    return np.array([answer.novelty, answer.confidence, *(head.confidence for head in heads), *sum(every, ())])


def _names(found: Any) -> Any:
    """The names in an answer's JSON, at every level."""
    return {name: _names(value) for name, value in found.items()} if isinstance(found, dict) else None


def test_page_answers_as_the_predictor_does(new_page: NewPage, predictor: Predictor) -> None:
    found = pairs(60)
    inputs = [*found, *others(found)]
    answers = new_page().evaluate(READ, sent(inputs))
    largest = 0.0
    for got, want in zip(answers, predictor.predict(inputs), strict=True):
        assert _names(got) == _names(want.model_dump(exclude_none=True))
        exact = (want.label, want.decision, list(want.reasons), want.model_version)
        assert (got["label"], got["decision"], got["reasons"], got["model_version"]) == exact
        largest = max(largest, float(np.abs(_numbers(Answer.model_validate(got)) - _numbers(want)).max()))
    assert largest < TOLERANCE
    every = {reason for answer in answers for reason in answer["reasons"]}
    assert every == {"low_confidence", "conflict", "not_a_digit", "several_digits", "struck_out"}


def test_page_that_reads_alone_sends_nothing(new_page: NewPage) -> None:
    page, requests = new_page(), list[tuple[str, str]]()
    page.context.on("request", lambda request: requests.append((request.method, urlsplit(request.url).path)))
    page.evaluate(READ, sent(pairs(2)))
    assert ("GET", "/app/model/mmdigit.onnx") in requests
    assert [each for each in requests if each[0] != "GET" or not each[1].startswith("/app/")] == []


def test_thresholds_are_those_of_python(new_page: NewPage) -> None:
    metadata, targets = read_metadata(WEIGHTS.with_suffix(".json")), [0.0001, 0.0005, 0.001, 0.002, 0.01, 0.1]
    cases = [(photographed, target) for target in targets for photographed in (False, True)]
    for (photographed, target), got in zip(cases, new_page().evaluate(THRESHOLDS, cases), strict=True):
        want = metadata.resolved_thresholds(target)
        confidences = {head: list(getattr(want, f"{head}_confidence")) for head in HEADS}
        if photographed:
            point = metadata.photograph_point(target)
            assert point is not None
            confidences["image"] = list(point.confidences)
        assert got["confidence"] == confidences, (photographed, target)
        assert got["agreement"] == want.agreement
        assert got["novelty"] == {"image": want.image_novelty, "audio": want.audio_novelty}


def test_constants_are_those_of_python() -> None:
    scripts = {path.name: path.read_text() for path in Path("mmdigit/webapp/js/model").glob("*.js")}
    assert f'SHA256 = "{crossed_out.SHA256}"' in scripts["crossed_out.js"]
    assert f"DEFAULT_TARGET_ERROR = {DEFAULT_TARGET_ERROR}" in scripts["decision.js"]
    assert f"N_SAMPLES = {N_SAMPLES}\n" in scripts["session.js"]


def test_reader_starts_again_after_a_crash(new_page: NewPage) -> None:
    page = new_page()
    held: list[Route] = []
    page.route(MODEL, lambda route: held.append(route))
    with page.expect_worker() as started:
        page.evaluate(START)
    until(lambda: page.evaluate("1") and held, "the worker asks for the model")
    started.value.evaluate("() => setTimeout(() => { throw new Error('a crash') })")
    assert page.evaluate("() => window.answer") == "stopped"
    page.unroute(MODEL)
    page.evaluate(START)
    assert page.evaluate("() => window.answer") == 1
    forgive(new_page, "a crash")


def test_altered_or_missing_model_is_refused(new_page: NewPage) -> None:
    page = new_page()
    page.route(MODEL, lambda route: route.fulfill(body=b"another"))
    page.evaluate(START)
    assert page.evaluate("() => window.answer") == "damaged"
    page.unroute(MODEL)
    page.route(MODEL, lambda route: route.fulfill(status=404))
    page.evaluate(START)
    assert page.evaluate("() => window.answer") == "unreachable"
    page.unroute(MODEL)
    page.evaluate(START)
    assert page.evaluate("() => window.answer") == 1
    forgive(new_page, "404")


def test_scripts_of_others_are_not_trusted(new_page: NewPage) -> None:
    page = new_page()
    for path in ("https://example.org/x.js", "//example.org/app/js/x.js", "/app/js/../../v1/x.js", "data:,1", "blob:x"):
        assert page.evaluate(TRUST, path) == "TypeError", path
