"""The exported model cut into its three parts: each picture and each sound is encoded once, all pairs are then fused.

The parts come out of the very file that the worker runs; the whole file and its parts agree (tests hold it).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import onnx.utils
from numpy.typing import NDArray

from mmdigit.reading.decision import HEADS, Thresholds, sigmoid
from mmdigit.reading.predictor import WEIGHTS, Predictor, open_session
from schemas.errors import WeightsError

BATCH = 256
PAIR_BATCH = 16_384
EMBEDDINGS = ("image_embedding", "audio_embedding")

Track = Callable[[Sequence[int]], Iterable[int]]
"""Goes through starts of batches, showing the progress."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the model makes of N pictures or of N sounds alone.

    logits: (N, 10); novelty: (N,), range [0, 1], 1 = not a digit; embedding: (N, EMBEDDING).
    """

    logits: NDArray[np.float64]
    novelty: NDArray[np.float64]
    embedding: NDArray[np.float32]

    def take(self, rows: NDArray[Any]) -> "Encoded":
        """Those rows alone: places, (M,), or marks, (N,)."""
        return Encoded(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class PartedModel:
    """The parts of one exported file, with what its metadata says."""

    whole: Predictor
    temperature: dict[str, float]
    """Of each head: probabilities = softmax(logits / temperature)."""
    _image: Any
    _audio: Any
    _fusion: Any

    @classmethod
    def load(cls, path: Path | None = None, *, threads: int = 1) -> Self:
        """path: an exported file with its metadata beside it, None = the shipped one.

        Raises WeightsError as Predictor.load does, or if the model cannot be cut.
        """
        path = WEIGHTS if path is None else path
        predictor = Predictor.load(path, threads=threads)
        try:
            model = onnx.load_model(path)
            embeddings = _name_embeddings(model)
            cuts = onnx.utils.Extractor(model)
            sessions = [
                open_session(cuts.extract_model(inputs, outputs).SerializeToString(), threads)
                for inputs, outputs in (
                    (["image"], ["image_logits", "image_novelty_logit", embeddings[0]]),
                    (["waveform"], ["audio_logits", "audio_novelty_logit", embeddings[1]]),
                    ([embeddings[0], "image_present", embeddings[1], "audio_present"], ["fused_logits"]),
                )
            ]
        except Exception as exc:  # neither onnx nor ONNX Runtime documents a closed set of errors
            raise WeightsError(
                f"expected {path} to be a model exported by mmdigit, with one embedding for each of its two inputs: "
                f"{str(exc)[:200]}"
            ) from exc
        return cls(predictor, {head: predictor.temperature[head] for head in HEADS}, *sessions)

    @property
    def thresholds(self) -> Thresholds:
        return self.whole.thresholds

    def see(self, images: NDArray[np.float32], track: Track = iter) -> Encoded:
        """images: (N, 28, 28), as decode_image gives them."""
        return _encode(self._image, "image", images[:, None], track)

    def hear(self, sounds: NDArray[np.float32], track: Track = iter) -> Encoded:
        """sounds: (N, N_SAMPLES), as decode_audio gives them."""
        return _encode(self._audio, "waveform", sounds, track)

    def fuse(self, seen: Encoded, heard: Encoded) -> NDArray[np.float32]:
        """The fused logits of every picture with every sound: (n_images, n_clips, 10)."""
        n_images, n_clips = seen.novelty.size, heard.novelty.size
        rows, columns = np.divmod(np.arange(n_images * n_clips), max(n_clips, 1))
        return self.fuse_pairs(seen, rows, heard, columns).reshape(n_images, n_clips, 10)

    def fuse_pairs(
        self,
        seen: Encoded,
        rows: NDArray[np.int64],
        heard: Encoded,
        columns: NDArray[np.int64],
        image_present: bool = True,
        audio_present: bool = True,
    ) -> NDArray[np.float32]:
        """The fused logits, (P, 10), of picture rows[i] with sound columns[i], either of them hidden if so wished."""
        found = np.empty((rows.size, 10), np.float32)
        names = [entry.name for entry in self._fusion.get_inputs()]
        image, image_here, audio, audio_here = names
        for start in range(0, rows.size, PAIR_BATCH):
            batch = slice(start, start + PAIR_BATCH)
            here = np.ones(rows[batch].size, np.float32)
            feed = {
                image: seen.embedding[rows[batch]],
                image_here: here * image_present,
                audio: heard.embedding[columns[batch]],
                audio_here: here * audio_present,
            }
            found[batch] = self._fusion.run(None, feed)[0]
        return found

    def probabilities(self, head: str, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Calibrated, (..., 10), each sum 1; head: one of HEADS."""
        return softmax(logits / self.temperature[head])


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """(..., 10) to (..., 10), each sum 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float64)


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """(..., 10) to (..., 10), the logarithm of softmax."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float64)


def _name_embeddings(model: onnx.ModelProto) -> tuple[str, str]:
    """The names of both embeddings, declared as outputs of the model if they are not.

    Files of the first generation do not give them out: there the embedding is what the layer of the head reads.
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


def _encode(session: Any, name: str, inputs: NDArray[np.float32], track: Track) -> Encoded:
    parts = [
        session.run(None, {name: inputs[start : start + BATCH]})
        for start in track(range(0, max(inputs.shape[0], 1), BATCH))
    ]
    logits, novelty, embedding = (np.concatenate([part[place] for part in parts]) for place in range(3))
    return Encoded(logits.astype(np.float64), sigmoid(novelty), embedding)
