"""`mmdigit study folds`: trainings that each leave some people out, measured on these."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.fsdd import TEST_INDICES
from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.decision import softmax
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import RECORDED_SETS, Clip, Digits, fold_of, load_clips, load_digits
from mmdigit.training.evaluate.corrupt_audio import NOISES, add_noise
from mmdigit.training.evaluate.hard_splits import RATIOS_DB
from mmdigit.training.evaluate.held_out import FOLD_FILE, Folds, HeldOutLogits, decode_images, read_folds
from mmdigit.training.evaluate.pairs import accuracy_row, correct_tables, pair_accuracy_row, same_digit_pairs
from mmdigit.training.evaluate.people import People, figures_by_group
from mmdigit.training.evaluate.split_model import Encoded, SplitModel
from mmdigit.training.fit.model import DigitModel, UnimodalClassifier
from mmdigit.training.fit.predictions import predict_clips, predict_images
from mmdigit.training.fit.sets import TrainingSets, load_sets
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.fit.train import assemble, train_audio, train_fusion, train_image
from mmdigit.training.measures import clustered_bootstrap, ece
from mmdigit.training.output import log
from mmdigit.training.plan import TrainingPlan
from mmdigit.training.release.calibration import ACCEPT_ALL
from mmdigit.training.release.export import set_fusion_weights, write_model
from mmdigit.training.release.quantize import QuantizationInputs

SHIPPED_SEED = 1
"""Chosen before any seed was trained."""
FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
N_FOLDS = len(FSDD_SPEAKERS)
LEFT_OUT_SOURCES = {each.source for each in RECORDED_SETS if each.split}
OTHER_INDICES = 1000  # more than FSDD has
N_PARTNERS = 4  # clips that each validation image is paired with, to calibrate the fused head

Labels = NDArray[np.int64]


def folds(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> dict[str, Any]:
    """Leave each speaker of FSDD out in turn, with a sixth of all other people; train the audio classifier, and measure
    it on that unseen speaker. The other people's logits are kept for the calibration."""
    plan = plan.model_copy(update={"seed": SHIPPED_SEED})
    sets = load_sets(data, output / "cache", plan, log)
    digits, recorded = load_digits(data, "test"), _load_all_clips(data)
    rows: list[dict[str, Any]] = []
    noise: list[dict[str, dict[str, float]]] = []
    others = [clip for clip in sets.clips if clip.source in LEFT_OUT_SOURCES and clip.label is not None]
    trained_audio = []
    for fold, speaker in enumerate(FSDD_SPEAKERS):
        others_unseen = {clip.name for clip in others if fold_of(clip.speaker, N_FOLDS) == fold}
        without = plan.model_copy(update={"leave_out": tuple(sorted({f"fsdd/{speaker}", *others_unseen}))})
        trained_audio.append((speaker, without, train_audio(sets, without, output / "folds" / speaker, hardware)))
    people = [*(clip for clip in recorded if clip.source == "fsdd"), *others]
    unseen = [[clip for clip in people if clip.name in without.leave_out] for _, without, _ in trained_audio]
    held_out = [_held_out(audio, clips) for (_, _, audio), clips in zip(trained_audio, unseen, strict=True)]
    image = train_image(sets.images, sets.validation_digits, plan, output / f"seed-{SHIPPED_SEED}", hardware)
    for fold, (speaker, without, audio) in enumerate(trained_audio):
        folder, name, left_out = output / "folds" / speaker, f"fsdd/{speaker}", without.leave_out
        trained = train_fusion(assemble(image, audio), sets, without, folder, hardware)
        model = _export(trained, sets, left_out, _joined(held_out[:fold] + held_out[fold + 1 :]), folder)
        clips = [clip for clip in recorded if clip.name == name]
        encoded_images, encoded_clips = _encode_images(model, digits), _encode_clips(model, clips)
        labels = _labels_of(clips)
        tables = correct_tables(same_digit_pairs(model, encoded_images, digits.labels, encoded_clips, labels))
        split = f"MNIST test x all {len(clips)} recordings of {speaker}"
        rows.append(
            {
                "speaker": speaker,
                "audio": accuracy_row(f"all recordings of {speaker}", encoded_clips.logits.argmax(axis=1) == labels),
                "fused": pair_accuracy_row(split, tables["fused"]),
            }
        )
        noise.append(_accuracy_in_noise(model, encoded_images, digits.labels, clips, labels))
        _save_fold(folder / FOLD_FILE, model, unseen[fold], sets.validation_digits)
        log(f"{speaker}: audio {rows[-1]['audio']['accuracy']:.4f}, fused {rows[-1]['fused']['accuracy']:.6f}")
    return {
        "split": "each speaker's 500 recordings of FSDD, read by a training without them; with MNIST test, all pairs",
        "speakers": rows,
        **_summarize_folds(rows, output),
        "people": _figures_of_people(read_folds(output / "folds", sets.validation_digits, FSDD_SPEAKERS)),
        "noise": {
            ratio: {head: float(np.mean([each[ratio][head] for each in noise])) for head in ("audio", "fused")}
            for ratio in noise[0]
        },
    }


def _summarize_folds(rows: Sequence[dict[str, Any]], output: Path) -> dict[str, Any]:
    """Mean and worst accuracy and the calibration over the finished folds, on FSDD's speakers alone."""
    folds_by_speaker = {row["speaker"]: np.load(output / "folds" / row["speaker"] / FOLD_FILE) for row in rows}
    confidence, correct, speakers = [], [], []
    for speaker, fold in folds_by_speaker.items():
        own = fold["indices"] < OTHER_INDICES
        others = [
            (other, ~np.isin(other["indices"], TEST_INDICES))
            for name, other in folds_by_speaker.items()
            if name != speaker
        ]
        temperature = fit_temperature(
            np.concatenate([other["audio_logits"][mask] for other, mask in others]),
            np.concatenate([other["labels"][mask] for other, mask in others]),
        )
        probabilities = softmax(fold["audio_logits"][own], temperature)
        confidence.append(probabilities.max(axis=1))
        correct.append(probabilities.argmax(axis=1) == fold["labels"][own])
        speakers.append(np.full(correct[-1].size, speaker))
    all_correct = np.concatenate(correct)
    audio, fused = ([row[head]["accuracy"] for row in rows] for head in ("audio", "fused"))
    return {
        "audio": {
            "mean": float(np.mean(audio)),
            "worst": float(min(audio)),
            "interval_95": list(clustered_bootstrap(all_correct, np.concatenate(speakers))),
            "interval_by": "bootstrap over speakers",
            "ece": ece(np.concatenate(confidence), all_correct),
            "ece_by": "temperature fitted on what the other folds left out, without recordings 0-4",
        },
        "fused": {
            "mean": float(np.mean(fused)),
            "worst": float(min(fused)),
        },
    }


def _figures_of_people(folds: Folds) -> dict[str, Any]:
    """Of all that the folds left out, without recordings 0-4, by group; accepted as the shipped model accepts clips."""
    shipped = Predictor.load()
    probabilities = softmax(folds.audio_logits, shipped.temperature["audio"])
    answers = probabilities.argmax(axis=1)
    least = np.array(shipped.thresholds.audio_confidence)[answers]
    accepted = probabilities.max(axis=1) >= least
    return {
        "accepted_from": float(least.max()),
        "groups": figures_by_group(folds.people, answers == folds.audio_labels, accepted),
    }


def _held_out(audio: UnimodalClassifier, clips: Sequence[Clip]) -> HeldOutLogits:
    """What a fold makes of the people that it left out, without FSDD's test split."""
    kept = [clip for clip in clips if clip.source != "fsdd" or clip.index not in TEST_INDICES]
    return HeldOutLogits(predict_clips(audio, kept).logits.numpy(), _labels_of(kept), "the people of one fold")


def _joined(parts: Sequence[HeldOutLogits]) -> HeldOutLogits:
    logits, labels = ([getattr(part, name) for part in parts] for name in ("logits", "labels"))
    return HeldOutLogits(np.concatenate(logits), np.concatenate(labels), "the people of the other folds")


def _export(
    model: DigitModel, sets: TrainingSets, left_out: Sequence[str], others: HeldOutLogits, folder: Path
) -> SplitModel:
    """Weigh the heads, export the model to the folder, and load it to be measured.

    others: what the other folds make of their people, as the shipped model's are weighed: in the clips of people whom
    it has heard, or in a few of others, a fold is surer than is right for strangers.
    """
    clips = [clip for clip in sets.validation_clips if clip.name not in left_out]
    digits = sets.validation_digits
    images = HeldOutLogits(
        predict_images(model.image, digits.images).logits.numpy(), digits.labels, "validation writers"
    )
    temperature = set_fusion_weights(model, images, others)
    more = {"temperature": {**temperature, "fused": 1.0}}
    inputs = QuantizationInputs(digits.images, np.stack([speech_window(clip.waveform) for clip in clips]))
    write_model(model, folder / "mmdigit.onnx", ACCEPT_ALL, more, inputs)
    return SplitModel.load(folder / "mmdigit.onnx")


def _accuracy_in_noise(
    model: SplitModel, encoded_images: Encoded, image_labels: Labels, clips: Sequence[Clip], labels: Labels
) -> dict[str, dict[str, float]]:
    """Audio and fused accuracy at each signal-to-noise ratio, the mean over all kinds of noise."""
    means = {}
    for ratio_db in RATIOS_DB:
        audio, fused = [], []
        for noise in NOISES.values():
            random = np.random.default_rng(ratio_db)
            encoded_clips = model.encode_audio(
                np.stack([add_noise(clip.waveform, noise, ratio_db, random) for clip in clips])
            )
            tables = correct_tables(same_digit_pairs(model, encoded_images, image_labels, encoded_clips, labels))[
                "fused"
            ]
            audio.append(_accuracy(encoded_clips, labels))
            fused.append(float(sum(table.sum() for table in tables) / sum(table.size for table in tables)))
        means[f"{ratio_db} dB"] = {"audio": float(np.mean(audio)), "fused": float(np.mean(fused))}
    return means


def _save_fold(path: Path, model: SplitModel, clips: Sequence[Clip], digits: Digits) -> None:
    """Write what calibration needs from this fold: the logits of the unseen people, and of pairs with validation
    images. indices: of FSDD's recordings, which name its test split; those of others lie above them."""
    encoded_clips, labels, people = _encode_clips(model, clips), _labels_of(clips), People.of(clips)
    indices = np.array([clip.index if clip.source == "fsdd" else clip.index + OTHER_INDICES for clip in clips])
    random = np.random.default_rng(0)
    rows, columns = [], []
    for label in range(10):
        images = np.flatnonzero(digits.labels == label)
        usable = np.flatnonzero((labels == label) & ~np.isin(indices, TEST_INDICES))
        rows.append(np.repeat(images, N_PARTNERS))
        columns.append(random.choice(usable, images.size * N_PARTNERS))
    images, partners = np.concatenate(rows), np.concatenate(columns)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        audio_logits=encoded_clips.logits,
        labels=labels,
        indices=indices,
        fused_logits=model.fuse_pairs(_encode_images(model, digits), images, encoded_clips, partners),
        fused_labels=digits.labels[images],
        fused_images=images,
        fused_clips=partners,
        people=people.names,
        pitch_hz=people.pitch_hz,
    )
    partial.replace(path)


def _load_all_clips(data: Path) -> list[Clip]:
    return [clip for split in ("train", "validation", "test") for clip in load_clips(data, split)]


def _encode_images(model: SplitModel, digits: Digits) -> Encoded:
    return model.encode_image(np.stack(decode_images(digits.images)))


def _encode_clips(model: SplitModel, clips: Sequence[Clip]) -> Encoded:
    return model.encode_audio(np.stack([speech_window(clip.waveform) for clip in clips]))


def _labels_of(clips: Sequence[Clip]) -> Labels:
    return np.array([clip.label for clip in clips], np.int64)


def _accuracy(encoded: Encoded, labels: Labels) -> float:
    return float((encoded.logits.argmax(axis=1) == labels).mean())
