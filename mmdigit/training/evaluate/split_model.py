"""Splits the exported model into encoders and fusion: encode each image and clip once, then fuse all pairs.

The parts come from the file that the worker runs. A test holds that the whole file and its parts agree.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import onnx.utils
from numpy.typing import NDArray

from mmdigit.reading.decision import HEADS, Thresholds, sigmoid, softmax
from mmdigit.reading.predictor import WEIGHTS, Predictor, open_session
from schemas.errors import WeightsError

BATCH = 256
PAIR_BATCH = 16_384
EMBEDDINGS = ("image_embedding", "audio_embedding")


@dataclass(frozen=True, eq=False)
class Encoded:
    """The model's outputs for N images or for N clips alone.

    logits: (N, 10); novelty: (N,), range [0, 1], 1 = not a digit; embedding: (N, EMBEDDING).
    """

    logits: NDArray[np.float64]
    novelty: NDArray[np.float64]
    embedding: NDArray[np.float32]

    def select(self, rows: NDArray[Any]) -> Self:
        """These rows: indices, (M,), or a mask, (N,)."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class SplitModel:
    """The parts of one exported file, with its metadata."""

    predictor: Predictor
    """The whole file."""
    temperature: dict[str, float]
    """Of each head: probabilities = softmax(logits / temperature)."""
    _image: Any
    _audio: Any
    _fusion: Any

    @classmethod
    def load(cls, path: Path | None = None, *, threads: int = 1) -> Self:
        """path: an exported file with its metadata beside it, None = the shipped one.

        Raises WeightsError as Predictor.load does, or if the model cannot be split.
        """
        path = WEIGHTS if path is None else path
        predictor = Predictor.load(path, threads=threads)
        try:
            model = onnx.load_model(path)
            embeddings = _name_embeddings(model)
            extractor = onnx.utils.Extractor(model)
            sessions = [
                open_session(extractor.extract_model(inputs, outputs).SerializeToString(), threads)
                for inputs, outputs in (
                    (["image"], ["image_logits", "image_novelty_logit", embeddings[0]]),
                    (["waveform"], ["audio_logits", "audio_novelty_logit", embeddings[1]]),
                    ([embeddings[0], "image_present", embeddings[1], "audio_present"], ["fused_logits"]),
                )
            ]
        except Exception as exc:  # neither onnx nor ONNX Runtime documents a closed set of errors
            raise WeightsError(
                f"expected {path} to be a model exported by mmdigit, with one embedding for each of its two inputs, "
                f"got another ({str(exc)[:200]}); export it again"
            ) from exc
        return cls(predictor, {head: predictor.temperature[head] for head in HEADS}, *sessions)

    @property
    def thresholds(self) -> Thresholds:
        return self.predictor.thresholds

    def encode_image(self, images: NDArray[np.float32]) -> Encoded:
        """images: (N, 28, 28), as decode_image returns them."""
        return _encode(self._image, "image", images[:, None])

    def encode_audio(self, waveforms: NDArray[np.float32]) -> Encoded:
        """waveforms: (N, N_SAMPLES), as decode_audio returns them."""
        return _encode(self._audio, "waveform", waveforms)

    def fuse(self, encoded_images: Encoded, encoded_clips: Encoded) -> NDArray[np.float32]:
        """The fused logits of every image with every clip: (n_images, n_clips, 10)."""
        n_images, n_clips = encoded_images.novelty.size, encoded_clips.novelty.size
        rows, columns = np.divmod(np.arange(n_images * n_clips), max(n_clips, 1))
        return self.fuse_pairs(encoded_images, rows, encoded_clips, columns).reshape(n_images, n_clips, 10)

    def fuse_pairs(
        self,
        encoded_images: Encoded,
        rows: NDArray[np.int64],
        encoded_clips: Encoded,
        columns: NDArray[np.int64],
        image_present: bool = True,
        audio_present: bool = True,
    ) -> NDArray[np.float32]:
        """The fused logits, (P, 10), of image rows[i] with clip columns[i]; either may be marked as missing."""
        logits = np.empty((rows.size, 10), np.float32)
        image, image_flag, audio, audio_flag = (entry.name for entry in self._fusion.get_inputs())
        for start in range(0, rows.size, PAIR_BATCH):
            batch = slice(start, start + PAIR_BATCH)
            present = np.ones(rows[batch].size, np.float32)
            feed = {
                image: encoded_images.embedding[rows[batch]],
                image_flag: present * image_present,
                audio: encoded_clips.embedding[columns[batch]],
                audio_flag: present * audio_present,
            }
            logits[batch] = self._fusion.run(None, feed)[0]
        return logits

    def probabilities(self, head: str, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Calibrated, (..., 10), each sum 1; head: one of HEADS."""
        return softmax(logits, self.temperature[head])


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """(..., 10) to (..., 10), the logarithm of softmax."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float64)


def _name_embeddings(model: onnx.ModelProto) -> tuple[str, str]:
    """The names of both embeddings; declares them as outputs of the model if they are not.

    Files of the first generation do not output them: there the embedding is the input of the head's layer.
    """
    outputs = {output.name for output in model.graph.output}
    if outputs.issuperset(EMBEDDINGS):
        return EMBEDDINGS
    makers = {name: node for node in model.graph.node for name in node.output}
    names = (makers["image_logits"].input[0], makers["audio_logits"].input[0])
    for name in names:
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", None])
        model.graph.output.append(value)
    return names


def _encode(session: Any, name: str, inputs: NDArray[np.float32]) -> Encoded:
    parts = [
        session.run(None, {name: inputs[start : start + BATCH]}) for start in range(0, max(inputs.shape[0], 1), BATCH)
    ]
    logits, novelty, embedding = (np.concatenate(outputs) for outputs in zip(*parts, strict=True))
    return Encoded(logits.astype(np.float64), sigmoid(novelty), embedding)
