"""The exported model, run by ONNX Runtime: samples in, answers out. No torch."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import N_SAMPLES, Waveform, decode_audio
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS, Probabilities, decide, sigmoid, softmax
from mmdigit.reading.image.crossed_out import StruckReader
from mmdigit.reading.image.decode import IMAGE_SIDE, read_picture
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.metadata import Metadata, read_metadata
from schemas.errors import WeightsError
from schemas.prediction import Answer, HeadAnswer, Reason

# ONNX Runtime reports its use to its maker unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime  # type: ignore[import-untyped]

WEIGHTS = Path(__file__).parent / "weights" / "mmdigit.onnx"
INPUTS = ("image", "image_present", "waveform", "audio_present")
OUTPUTS = ("image_logits", "audio_logits", "fused_logits", "image_novelty_logit", "audio_novelty_logit")
WARM_UP_SIZES = (1, 8)
MAX_MODEL_BYTES = 256 * 1024 * 1024  # the shipped one has 1.7 MB


@dataclass(frozen=True, eq=False)
class Sample:
    """What the model reads of one job: an image, a waveform, or both. Raises ValueError if there is neither.

    image: (28, 28), range [0, 1], 1 = ink, as decode_image gives it.
    waveform: (N_SAMPLES,), range [-1, 1], as decode_audio gives it.
    found: why a person should look, as far as the whole picture tells; read_digit gives it with the image.
    """

    image: Grey | None = None
    waveform: Waveform | None = None
    found: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if self.image is None and self.waveform is None:
            raise ValueError("expected an image, audio or both, got neither")

    @classmethod
    def of(cls, digit: Digit | None, waveform: Waveform | None) -> Self:
        """What was read of a picture and of a clip. Raises ValueError if there is neither."""
        return cls(None, waveform) if digit is None else cls(digit.image, waveform, digit.found)


def read_sample(image: bytes | None, audio: bytes | None) -> Sample:
    """Decode what a job carries. Raises InvalidImage or InvalidAudio; ValueError if both are None."""
    digit = None if image is None else read_digit(*read_picture(image))
    waveform = None if audio is None else decode_audio(audio)
    return Sample.of(digit, waveform)


class Predictor:
    """A loaded model. Answers to a sample do not depend on its batch mates beyond float rounding (1e-5)."""

    def __init__(self, session: onnxruntime.InferenceSession, metadata: Metadata, target_error: float) -> None:
        self._session = session
        self._struck = StruckReader.load()
        self.temperature = metadata.temperature
        """Of each head: probabilities are softmax(logits / temperature)."""
        self.model_version = metadata.model_version
        self.target_error = target_error
        self.operating_points = metadata.operating_points(target_error)
        """Of each head: from which confidence it accepts, and whether held-out data show the target error there."""
        self.thresholds = metadata.resolved_thresholds(target_error)
        self.baseline = metadata.baseline(target_error)
        """What held-out answers looked like, by what a job holds; empty if the metadata do not say."""

    @classmethod
    def load(cls, path: Path | None = None, *, threads: int = 1, target_error: float = DEFAULT_TARGET_ERROR) -> Self:
        """Load an exported model and the metadata beside it (`NAME.onnx`, `NAME.json`).

        path: the ONNX file; None = the shipped one. threads: for one prediction, within ONNX Runtime.
        target_error: share of the accepted digits that may be wrong, range (0, 1); it sets the confidences from which
        an answer is accepted, and operating_points says whether held-out data show it.
        Raises WeightsError if a file is missing or damaged, or the model is not the one that the metadata pins;
        ValueError for a target error that is none.
        """
        if not 0 < target_error < 1:
            raise ValueError(f"expected a target error above 0 and below 1, got {target_error}")
        path = WEIGHTS if path is None else path
        content, metadata = _read(path), read_metadata(path.with_suffix(".json"))
        found = hashlib.sha256(content).hexdigest()
        if found != metadata.sha256:
            raise WeightsError(
                f"expected {path} with SHA-256 {metadata.sha256}, got {found}; restore the file or export it again"
            )
        try:
            session = open_session(content, threads)
        except Exception as exc:  # ONNX Runtime's errors have no common base
            raise WeightsError(f"expected {path} to be a model exported by mmdigit: {str(exc)[:200]}") from exc
        return cls(session, metadata, target_error)

    def predict(self, samples: Sequence[Sample]) -> list[Answer]:
        """One answer a sample, in order. Any number of samples, none included.

        Raises ValueError, naming the sample, if an array has another shape than Sample states, or holds NaN or
        infinity: decoders never give such, so it is the caller's mistake.
        """
        if not samples:
            return []
        logits = self.outputs(samples)
        image, audio, fused = (softmax(logits[f"{head}_logits"], self.temperature[head]) for head in HEADS)
        found = self.found(samples)
        image_novelty, audio_novelty = (sigmoid(logits[f"{head}_novelty_logit"]) for head in ("image", "audio"))
        return [
            self._answer(
                image[row] if sample.image is not None else None,
                audio[row] if sample.waveform is not None else None,
                fused[row],
                float(image_novelty[row]) if sample.image is not None else None,
                float(audio_novelty[row]) if sample.waveform is not None else None,
                found[row],
            )
            for row, sample in enumerate(samples)
        ]

    def outputs(self, samples: Sequence[Sample], names: Sequence[str] = OUTPUTS) -> dict[str, NDArray[np.float32]]:
        """What the model itself gives, before any temperature, by name: the logits (B, 10), the novelties (B,).

        A missing modality's own logits mean nothing. Raises ValueError as predict does, and for no sample at all.
        """
        return dict(zip(names, self._session.run(list(names), _feed(samples)), strict=True))

    def found(self, samples: Sequence[Sample]) -> list[tuple[Reason, ...]]:
        """Why a person should look at each sample, as far as its picture tells: what it has found, and struck_out."""
        images = [image for sample in samples if (image := sample.image) is not None]
        struck = iter(self._struck.struck(np.stack(images)) if images else ())
        return [
            (*sample.found, "struck_out") if sample.image is not None and next(struck) else sample.found
            for sample in samples
        ]

    def warm_up(self) -> None:
        """Run once on empty samples, so that the first real batch is not slower than the others."""
        empty = Sample(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32), np.zeros(N_SAMPLES, np.float32))
        for size in WARM_UP_SIZES:
            self.predict([empty] * size)

    def _answer(
        self,
        image: Probabilities | None,
        audio: Probabilities | None,
        fused: Probabilities,
        image_novelty: float | None,
        audio_novelty: float | None,
        found: Sequence[Reason],
    ) -> Answer:
        both = image is not None and audio is not None
        final = fused if both else image if image is not None else audio
        if final is None:
            raise ValueError("expected an image, audio or both, got neither")
        decision, reasons = decide(
            image, audio, fused if both else None, image_novelty, audio_novelty, self.thresholds, found
        )
        head = _head_answer(final)
        return Answer(
            label=head.label,
            confidence=head.confidence,
            probabilities=tuple(final.tolist()),
            image=None if image is None else _head_answer(image),
            audio=None if audio is None else _head_answer(audio),
            fused=head if both else None,
            novelty=max(novelty for novelty in (image_novelty, audio_novelty) if novelty is not None),
            decision=decision,
            reasons=reasons,
            model_version=self.model_version,
        )


def open_session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """What runs an ONNX file, or a part of one, on the processor. ONNX Runtime's errors have no common base."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        content,
        options,
        providers=["CPUExecutionProvider"],
        # It would pool bytes, four times slower than floats: 40 us a job (python -m lab.benchmarks.model_only).
        disabled_optimizers=["QDQPropagationTransformer"],
    )


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_MODEL_BYTES)
    except OSError as exc:
        raise WeightsError(f"expected a model at {path}, it cannot be read ({exc.strerror}); restore it") from exc


def _feed(samples: Sequence[Sample]) -> dict[str, NDArray[np.float32]]:
    """The model's inputs: image (B, 1, 28, 28), waveform (B, N_SAMPLES), and who is present, each (B,), 1 or 0."""
    count = len(samples)
    image = np.zeros((count, 1, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    waveform = np.zeros((count, N_SAMPLES), np.float32)
    image_present, audio_present = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for row, sample in enumerate(samples):
        if sample.image is not None:
            _check_shape(row, "image", sample.image, (IMAGE_SIDE, IMAGE_SIDE))
            image[row, 0], image_present[row] = sample.image, 1
        if sample.waveform is not None:
            _check_shape(row, "waveform", sample.waveform, (N_SAMPLES,))
            waveform[row], audio_present[row] = sample.waveform, 1
    for name, values in (("image", image), ("waveform", waveform)):
        finite = np.isfinite(values).reshape(count, -1)
        if not bool(finite.all()):
            row = int(finite.all(axis=1).argmin())
            raise ValueError(f"sample {row}: expected finite values in {name}, got NaN or infinity")
    return dict(zip(INPUTS, (image, image_present, waveform, audio_present), strict=True))


def _check_shape(row: int, name: str, values: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"sample {row}: expected {name} of shape {shape}, got {values.shape}")


def _head_answer(probabilities: Probabilities) -> HeadAnswer:
    label = int(probabilities.argmax())
    return HeadAnswer(label=label, confidence=float(probabilities[label]))
