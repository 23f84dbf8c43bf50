"""Runs the exported model on ONNX Runtime: model inputs in, answers out. Needs no torch."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.decision import (
    DEFAULT_TARGET_ERROR,
    HeadResult,
    OperatingPoint,
    Thresholds,
    decide_results,
    head_results,
    sigmoid,
    softmax,
)
from mmdigit.reading.image.crossed_out import CrossedOutDetector
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.metadata import Metadata, read_metadata
from mmdigit.reading.model_input import ModelInput
from schemas.errors import WeightsError
from schemas.prediction import Answer, HeadAnswer, Reason

# ONNX Runtime sends usage data to its maker unless this is set before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime  # type: ignore[import-untyped]

WEIGHTS = Path(__file__).parent / "weights" / "mmdigit.onnx"
INPUTS = ("image", "image_present", "waveform", "audio_present")
OUTPUTS = ("image_logits", "audio_logits", "fused_logits", "image_novelty_logit", "audio_novelty_logit")
WARM_UP_SIZES = (1, 8)
BATCH = 128  # of predict_all
MAX_MODEL_BYTES = 256 * 1024 * 1024  # the shipped model has 1.4 MB


class Predictor:
    """A loaded model. The answer to an input does not depend on its batch mates beyond float rounding (1e-5)."""

    def __init__(self, session: onnxruntime.InferenceSession, metadata: Metadata, target_error: float) -> None:
        self._session = session
        # Older files take the same number of images and clips.
        self._skips_missing = len({session.get_inputs()[place].shape[0] for place in (0, 2)}) == 2
        self._crossed_out = CrossedOutDetector.load()
        self.temperature = metadata.temperature
        """By head: probabilities are softmax(logits / temperature)."""
        self.model_version = metadata.model_version
        self.target_error = target_error
        self.operating_points = metadata.operating_points(target_error)
        """By head: the confidence from which it accepts, and whether held-out data show the target error there."""
        self.thresholds = metadata.resolved_thresholds(target_error)
        self.photograph_point = metadata.photograph_point(target_error)
        """As operating_points, of the image head for digits found in a picture; None: as for all images."""
        self.photograph_thresholds = self.thresholds
        self._photograph_temperature = self.temperature["image"]
        if metadata.photographs is not None and self.photograph_point is not None:
            self.photograph_thresholds = replace(self.thresholds, image_confidence=self.photograph_point.confidences)
            self._photograph_temperature = metadata.photographs.temperature
        self.baseline = metadata.baseline(target_error)
        """What held-out answers looked like, by what a job carries; empty if the metadata do not say."""

    @classmethod
    def load(cls, path: Path | None = None, *, threads: int = 1, target_error: float = DEFAULT_TARGET_ERROR) -> Self:
        """Load an exported model and its metadata (`NAME.onnx`, `NAME.json`).

        path: the ONNX file; None = the shipped model. threads: for one prediction, within ONNX Runtime.
        target_error: share of the accepted digits that may be wrong, range (0, 1). It sets the confidence from which
        an answer is accepted; operating_points says whether held-out data show it.
        Raises WeightsError if a file is missing or damaged, or if the metadata pin another model; ValueError for a
        target error outside its range.
        """
        if not 0 < target_error < 1:
            raise ValueError(f"expected a target error above 0 and below 1, got {target_error}")
        path = WEIGHTS if path is None else path
        content, metadata = _read(path), read_metadata(path.with_suffix(".json"))
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != metadata.sha256:
            raise WeightsError(
                f"expected {path} with SHA-256 {metadata.sha256}, got {sha256}; restore the file or export it again"
            )
        try:
            session = open_session(content, threads)
        except Exception as exc:  # ONNX Runtime's errors have no common base
            raise WeightsError(
                f"expected a model exported by mmdigit at {path}, got an error ({str(exc)[:200]}); restore the file"
            ) from exc
        return cls(session, metadata, target_error)

    @property
    def points(self) -> dict[str, OperatingPoint]:
        """operating_points by head, and that of photographs where there is one."""
        photographs = {} if self.photograph_point is None else {"photographs": self.photograph_point}
        return {**{str(head): point for head, point in self.operating_points.items()}, **photographs}

    def predict(self, inputs: Sequence[ModelInput]) -> list[Answer]:
        """One answer for each input, in order; an empty list for no inputs.

        Raises ValueError, with the input's position, if an array has another shape than ModelInput states, or holds
        NaN or infinity. The decoders never return such arrays: it is the caller's mistake.
        """
        if not inputs:
            return []
        logits = self.outputs(inputs)
        audio, fused = (softmax(logits[f"{head}_logits"], self.temperature[head]) for head in ("audio", "fused"))
        photographed = np.array([each.photographed for each in inputs])[:, None]
        image_temperature = np.where(photographed, self._photograph_temperature, self.temperature["image"])
        image = softmax(logits["image_logits"], image_temperature)
        reasons = self.image_reasons(inputs)
        novelties = [sigmoid(logits[f"{head}_novelty_logit"]) for head in ("image", "audio")]
        # Whatever the model returned, softmax and sigmoid are within [0, 1], unless they are NaN.
        is_valid = all(bool(np.isfinite(values).all()) for values in (image, audio, fused, *novelties))
        of_image, of_audio, of_both = head_results(image), head_results(audio), head_results(fused)
        image_novelty, audio_novelty = (novelty.tolist() for novelty in novelties)
        return [
            self._answer(
                of_image[row] if each.image is not None else None,
                of_audio[row] if each.waveform is not None else None,
                of_both[row],
                image_novelty[row] if each.image is not None else None,
                audio_novelty[row] if each.waveform is not None else None,
                reasons[row],
                self.photograph_thresholds if each.photographed else self.thresholds,
                is_valid,
            )
            for row, each in enumerate(inputs)
        ]

    def outputs(self, inputs: Sequence[ModelInput], names: Sequence[str] = OUTPUTS) -> dict[str, NDArray[np.float32]]:
        """The network's outputs by name, before any temperature: logits (B, 10), novelty logits (B,).

        The logits of a missing modality mean nothing. Where no input has an image, or none a waveform, its encoder runs
        once for all. Raises ValueError as predict does, and for an empty sequence.
        """
        count = len(inputs)
        found = self._session.run(list(names), _feed(inputs, self._skips_missing))
        return {
            name: values if len(values) == count else np.broadcast_to(values, (count, *values.shape[1:]))
            for name, values in zip(names, found, strict=True)
        }

    def image_reasons(self, inputs: Sequence[ModelInput]) -> list[tuple[Reason, ...]]:
        """The reasons for review that each image shows: those of the input, and struck_out."""
        images = [image for each in inputs if (image := each.image) is not None]
        crossed_out = iter(self._crossed_out.detect(np.stack(images)) if images else ())
        return [
            (*each.reasons, "struck_out") if each.image is not None and next(crossed_out) else each.reasons
            for each in inputs
        ]

    def warm_up(self) -> None:
        """Run on empty inputs, so that the first real batch is not slower than the rest."""
        empty = ModelInput(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32), np.zeros(N_SAMPLES, np.float32))
        for size in WARM_UP_SIZES:
            self.predict([empty] * size)

    def predict_all(self, inputs: Iterable[ModelInput]) -> Iterator[Answer]:
        """As predict, of any number of inputs, taken as the answers are."""
        remaining = iter(inputs)
        while batch := list(islice(remaining, BATCH)):
            yield from self.predict(batch)

    def _answer(
        self,
        image: HeadResult | None,
        audio: HeadResult | None,
        fused: HeadResult,
        image_novelty: float | None,
        audio_novelty: float | None,
        image_reasons: Sequence[Reason],
        thresholds: Thresholds,
        is_valid: bool,
    ) -> Answer:
        """is_valid: whether no number is NaN; if one may be, it is validated and refused."""
        make, make_head = (Answer.unchecked, HeadAnswer.unchecked) if is_valid else (Answer, HeadAnswer)
        both = image is not None and audio is not None
        final = fused if both else image if image is not None else audio
        if final is None:
            raise ValueError("expected an image, audio or both, got neither")
        decision, reasons = decide_results(
            image, audio, fused if both else None, image_novelty, audio_novelty, thresholds, image_reasons
        )
        return make(
            label=final.label,
            confidence=final.confidence,
            probabilities=final.probabilities,
            image=None if image is None else _head_answer(make_head, image, with_all=both),
            audio=None if audio is None else _head_answer(make_head, audio, with_all=both),
            fused=_head_answer(make_head, fused) if both else None,
            novelty=max(novelty for novelty in (image_novelty, audio_novelty) if novelty is not None),
            decision=decision,
            reasons=reasons,
            model_version=self.model_version,
        )


def open_session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """A session that runs an ONNX file, or a part of one, on the CPU. ONNX Runtime's errors have no common base."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        content,
        options,
        providers=["CPUExecutionProvider"],
        # It would pool bytes, which is four times slower than floats: 40 us a job (lab.benchmarks.model_only).
        disabled_optimizers=["QDQPropagationTransformer"],
    )


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_MODEL_BYTES)
    except OSError as exc:
        raise WeightsError(f"expected a model at {path}, got an error ({exc.strerror}); restore the file") from exc


def _feed(inputs: Sequence[ModelInput], skip_missing: bool) -> dict[str, NDArray[np.float32]]:
    """The network inputs: image (B, 1, 28, 28), waveform (B, N_SAMPLES), and whether each is present, (B,), 1 or 0.

    skip_missing: one row, not B, of a modality that no input has.
    """
    images = waveforms = count = len(inputs)
    if skip_missing:
        images = count if any(each.image is not None for each in inputs) else min(1, count)
        waveforms = count if any(each.waveform is not None for each in inputs) else min(1, count)
    image = np.zeros((images, 1, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    waveform = np.zeros((waveforms, N_SAMPLES), np.float32)
    image_present, audio_present = np.zeros(images, np.float32), np.zeros(waveforms, np.float32)
    for row, each in enumerate(inputs):
        if each.image is not None:
            _check_shape(row, "image", each.image, (IMAGE_SIDE, IMAGE_SIDE))
            image[row, 0], image_present[row] = each.image, 1
        if each.waveform is not None:
            _check_shape(row, "waveform", each.waveform, (N_SAMPLES,))
            waveform[row], audio_present[row] = each.waveform, 1
    for name, values in (("image", image), ("waveform", waveform)):
        finite = np.isfinite(values).reshape(len(values), -1)
        if not bool(finite.all()):
            row = int(finite.all(axis=1).argmin())
            raise ValueError(f"input {row}: expected finite values in {name}, got NaN or infinity")
    return dict(zip(INPUTS, (image, image_present, waveform, audio_present), strict=True))


def _check_shape(row: int, name: str, values: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"input {row}: expected {name} of shape {shape}, got {values.shape}")


def _head_answer(make: Callable[..., HeadAnswer], result: HeadResult, *, with_all: bool = False) -> HeadAnswer:
    """with_all: whether it also contains all ten probabilities."""
    every = result.probabilities if with_all else None
    return make(label=result.label, confidence=result.confidence, probabilities=every)
