"""`mmdigit finetune`: adapts an exported model to a customer's corrected digits, without torch.

Tries new thresholds, new last layers of the heads, and both. Every figure is of writers that the adapted model never
saw: the digits are split into folds by writer. What is no better for them is refused.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, get_args

import numpy as np
import onnx
from numpy.typing import NDArray

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS, Head
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.evaluate.held_out import HeldOutLogits, model_outputs
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.output import make_folder, write_json
from mmdigit.training.release.calibration import head_risk, photograph_calibration
from mmdigit.training.release.corrections import Corrections, read_corrections
from mmdigit.training.release.last_layers import LastLayer, fit_last_layer, read_last_layer, replace_last_layers
from mmdigit.training.release.recalibrate import FILES
from schemas.errors import DataError, WeightsError

FOLDS = 5
MIN_DIGITS, MIN_WRITERS = 500, 2 * FOLDS
"""Of a head, to adapt it: fewer say too little about its errors. The folds have fewer."""
PULLS = (1.0, 0.1, 0.01, 0.001)
"""Towards the old weights, the strongest first."""
Modality = Literal["image", "audio"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True)
class Result:
    """What a model makes of held-out digits."""

    digits: int
    wrong: int
    accepted: int
    wrong_accepted: int

    def __add__(self, other: "Result") -> "Result":
        return Result(*(ours + theirs for ours, theirs in zip(self._counts(), other._counts(), strict=True)))

    def _counts(self) -> tuple[int, int, int, int]:
        return self.digits, self.wrong, self.accepted, self.wrong_accepted

    def is_better_than(self, other: "Result", target_error: float) -> bool:
        """Whether no more answers are wrong, and fewer are; or no more of the accepted than the target allows, or fewer
        of those; or, if that is the same, more are accepted."""
        ours, theirs = (
            (max(each.wrong_accepted - target_error * each.accepted, 0), each.digits - each.accepted)
            for each in (self, other)
        )
        return self.wrong <= other.wrong and ours <= theirs and (self.wrong, ours) != (other.wrong, theirs)


@dataclass(frozen=True, eq=False)
class Adapted:
    """A model file and its metadata, as written."""

    model: onnx.ModelProto
    metadata: dict[str, Any]

    def load(self, folder: Path, target_error: float) -> Predictor:
        """Write both files into the folder and load them."""
        content = self.model.SerializeToString()
        digest = hashlib.sha256(content).hexdigest()
        generation = self.metadata["model_version"].rsplit("-", 1)[0]
        metadata = {**self.metadata, "sha256": digest, "model_version": f"{generation}-{digest[:8]}"}
        (folder / FILES[0]).write_bytes(content)
        write_json(folder / FILES[1], metadata)
        return Predictor.load(folder / FILES[0], target_error=target_error)

    def predictor(self, target_error: float = DEFAULT_TARGET_ERROR) -> Predictor:
        """As load, and no file stays."""
        with TemporaryDirectory() as folder:
            return self.load(Path(folder), target_error)


@dataclass(frozen=True)
class Adaptable:
    """What has enough digits: modalities whose layers adapt, and heads or PHOTOGRAPHS whose thresholds do."""

    layers: frozenset[Modality]
    thresholds: frozenset[str]


Adapt = Callable[[Adapted, Corrections, Adaptable], Adapted]
Name = Head | Literal["photographs"]
Held = dict[Name, tuple[NDArray[np.float32], NDArray[np.int64]]]
"""For each head the logits, (M, 10), and the labels, (M,), of the digits that it answers; those of the image head that
were found in a picture are PHOTOGRAPHS."""
PHOTOGRAPHS: Final = "photographs"


def adapt_thresholds(base: Adapted, corrections: Corrections, adaptable: Adaptable) -> Adapted:
    """New temperatures and risk tables for the heads that have enough digits. The base must not have seen these."""
    return _calibrated(base, [_held_out(base.predictor(), corrections)], adaptable)


def adapt_layers(base: Adapted, corrections: Corrections, adaptable: Adaptable) -> Adapted:
    """New last layers for the heads that have enough digits, with the old thresholds."""
    return _fit_layers(base, corrections, _best_pulls(base, corrections, adaptable))


def adapt_both(base: Adapted, corrections: Corrections, adaptable: Adaptable) -> Adapted:
    """New last layers, and the thresholds of what layers fitted without a writer make of that writer's digits."""
    pulls = _best_pulls(base, corrections, adaptable)
    folds = corrections.folds(FOLDS)
    held_out = []
    for fold in range(FOLDS):
        fitted = _fit_layers(base, corrections.select(folds != fold), pulls)
        held_out.append(_held_out(fitted.predictor(), corrections.select(folds == fold)))
    return _calibrated(_fit_layers(base, corrections, pulls), held_out, adaptable)


ADAPTATIONS: dict[str, Adapt] = {
    "new thresholds": adapt_thresholds,
    "new last layers": adapt_layers,
    "both": adapt_both,
}


def _fit_layers(base: Adapted, corrections: Corrections, pulls: dict[Modality, float]) -> Adapted:
    layers: dict[str, LastLayer] = {}
    for modality, pull in pulls.items():
        chosen = corrections.select(corrections.answered_by(modality))
        start = read_last_layer(base.model, modality)
        layers[modality] = fit_last_layer(start, chosen.embeddings[modality], chosen.labels, pull)
    return Adapted(replace_last_layers(base.model, layers), dict(base.metadata))


def _best_pulls(base: Adapted, corrections: Corrections, adaptable: Adaptable) -> dict[Modality, float]:
    """For each modality with enough digits, the pull with which layers best explain the digits of writers that they
    were not fitted to."""
    pulls = {}
    for modality in sorted(adaptable.layers):
        chosen = corrections.select(corrections.answered_by(modality))
        if np.unique(chosen.writers).size >= FOLDS:  # a fold of digits with both modalities may have few of one
            start, embedding = read_last_layer(base.model, modality), chosen.embeddings[modality]
            loss = partial(_held_out_loss, start, embedding, chosen.labels, chosen.folds(FOLDS))
            pulls[modality] = min(PULLS, key=loss)
    return pulls


def _held_out_loss(
    start: LastLayer,
    embedding: NDArray[np.float32],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    pull: float,
) -> float:
    """The cross-entropy of each fold under the layer that is fitted to the others."""
    total = 0.0
    for fold in range(FOLDS):
        seen, unseen = folds != fold, folds == fold
        logits = fit_last_layer(start, embedding[seen], labels[seen], pull).logits(embedding[unseen])
        true = logits[np.arange(len(logits)), labels[unseen]]
        total += float((np.logaddexp.reduce(logits, axis=1) - true).sum())
    return total


def _held_out(predictor: Predictor, corrections: Corrections) -> Held:
    """What a model that was not fitted to these digits makes of them."""
    outputs = model_outputs(predictor, corrections.inputs)
    return {
        name: (outputs[f"{'image' if name == PHOTOGRAPHS else name}_logits"][rows], corrections.labels[rows])
        for name, rows in _rows_of(corrections, predictor.photograph_point is not None).items()
    }


def _rows_of(corrections: Corrections, by_photograph: bool) -> dict[Name, NDArray[np.int64]]:
    """The rows that each head answers. by_photograph: whether the model has thresholds of its own for PHOTOGRAPHS,
    which are then not among the image head's; older files know of no difference."""
    rows: dict[Name, NDArray[np.int64]] = {head: corrections.answered_by(head) for head in HEADS}
    if by_photograph:
        photographed = np.array([corrections.inputs[row].photographed for row in rows["image"]], np.bool_)
        rows[PHOTOGRAPHS] = rows["image"][photographed]
        rows["image"] = rows["image"][~photographed]
    return rows


def _calibrated(base: Adapted, held_out: Sequence[Held], adaptable: Adaptable) -> Adapted:
    metadata = json.loads(json.dumps(base.metadata))
    for name in held_out[0]:
        logits, labels = map(np.concatenate, zip(*(part[name] for part in held_out), strict=True))
        if name not in adaptable.thresholds or not labels.size:
            continue
        split = HeldOutLogits(logits, labels, f"{labels.size} corrected digits, each read without its writer")
        if name == PHOTOGRAPHS:
            metadata[PHOTOGRAPHS] = photograph_calibration(split)
        else:
            metadata["temperature"][name] = temperature = fit_temperature(logits, labels)
            metadata["risk"][name] = head_risk(name, split, temperature)
    return Adapted(base.model, metadata)


def _measure(predictor: Predictor, corrections: Corrections) -> Result:
    answers = list(predictor.predict_all(corrections.inputs))
    wrong = np.array([answer.label for answer in answers]) != corrections.labels
    accepted = np.array([answer.decision == "accept" for answer in answers])
    return Result(wrong.size, int(wrong.sum()), int(accepted.sum()), int((wrong & accepted).sum()))


def compare(base: Adapted, corrections: Corrections, adaptable: Adaptable, target_error: float) -> dict[str, Result]:
    """The model as it is and each of ADAPTATIONS, on writers that the adaptation did not see."""
    folds = corrections.folds(FOLDS)
    results = dict.fromkeys(("now", *ADAPTATIONS), Result(0, 0, 0, 0))
    for fold in range(FOLDS):
        seen, unseen = corrections.select(folds != fold), corrections.select(folds == fold)
        for name, adapt in {"now": lambda base, *_: base, **ADAPTATIONS}.items():
            results[name] += _measure(adapt(base, seen, adaptable).predictor(target_error), unseen)
    return results


def _adaptable(corrections: Corrections, by_photograph: bool) -> Adaptable:
    """by_photograph: as in _rows_of."""

    def enough(rows: NDArray[np.int64]) -> bool:
        return rows.size >= MIN_DIGITS and np.unique(corrections.writers[rows]).size >= MIN_WRITERS

    layers = frozenset(modality for modality in MODALITIES if enough(corrections.answered_by(modality)))
    rows = _rows_of(corrections, by_photograph)
    return Adaptable(layers, frozenset(name for name, chosen in rows.items() if enough(chosen)))


def run(manifest: Path, weights: Path | None, output: Path, target_error: float) -> int:
    """`mmdigit finetune`: print the comparison; write the best model, or refuse. Returns the exit code.

    Raises DataError if the corrections are too few or cannot be read, WeightsError for a model of generation 1,
    SettingsError if the output cannot be written.
    """
    path = WEIGHTS if weights is None else weights
    predictor = Predictor.load(path)
    base = Adapted(onnx.load_model(path), json.loads(path.with_suffix(".json").read_text()))
    if "risk" not in base.metadata:
        raise WeightsError(f"expected {path} of generation 2, got an older model; export it")
    for modality in MODALITIES:
        read_last_layer(base.model, modality)
    make_folder(output)
    corrections = read_corrections(manifest)
    adaptable = _adaptable(corrections, predictor.photograph_point is not None)
    if not adaptable.layers:
        images, clips = (corrections.select(corrections.answered_by(modality)) for modality in MODALITIES)
        raise DataError(
            f"expected {MIN_DIGITS} images or clips of {MIN_WRITERS} writers, got {images.labels.size} images of "
            f"{np.unique(images.writers).size} and {clips.labels.size} clips of {np.unique(clips.writers).size}; "
            "collect more"
        )
    corrections = corrections.embed(predictor)
    results = compare(base, corrections, adaptable, target_error)
    sys.stdout.write(report(results, corrections))
    best = "now"
    for name in ADAPTATIONS:
        if results[name].is_better_than(results[best], target_error):
            best = name
    if best == "now":
        sys.stdout.write("refused: no adaptation is better for new writers and worse in nothing; nothing was written\n")
        return 1
    adapted = ADAPTATIONS[best](base, corrections, adaptable)
    adapted.metadata.get("validation", {}).pop(
        "reviews", None
    )  # the old model's, from which no drift is to be measured
    adapted.metadata["finetuned"] = {
        "from": predictor.model_version,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "adapted": best,
        "digits": int(corrections.labels.size),
        "writers": int(np.unique(corrections.writers).size),
        "held_out": {name: vars(result) for name, result in results.items()},
    }
    with TemporaryDirectory(prefix=".finetune-", dir=output) as folder:
        version = adapted.load(Path(folder), target_error).model_version
        card = _card(version, predictor.model_version, path, report(results, corrections))
        (Path(folder) / FILES[2]).write_text(card)
        for name in FILES:
            (Path(folder) / name).replace(output / name)
    sys.stdout.write(f"{output / FILES[0]}: {version}; compare it on live jobs with `python -m worker shadow`\n")
    return 0


def _card(version: str, old: str, weights: Path, table: str) -> str:
    """The old model's card below what has changed. weights: the old model's file."""
    card = weights.with_name(FILES[2])
    return (
        f"# Finetuned: {version}\n\nAdapted from {old} to corrected digits; for writers held out:\n\n"
        f"```\n{table}```\n\nThe card of {old} follows.\n\n{card.read_text() if card.exists() else ''}"
    )


def report(results: dict[str, Result], corrections: Corrections) -> str:
    """The comparison as a table."""
    lines = [
        f"{corrections.labels.size:,} digits of {np.unique(corrections.writers).size} writers, each read by a model "
        "that was not adapted to its writer",
        f"{'':<22}{'wrong':>16}{'accepted':>12}{'wrong of these':>16}",
    ]
    for name, result in results.items():
        wrong = f"{100 * result.wrong / result.digits:.2f} % ({result.wrong})"
        lines.append(
            f"{name:<22}{wrong:>16}{100 * result.accepted / result.digits:>10.1f} %{result.wrong_accepted:>16}"
        )
    return "\n".join(lines) + "\n"
