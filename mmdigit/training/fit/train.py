"""`mmdigit train`: trains the image classifier in two stages and the audio classifier in one. Fusion needs no training.

Seeded, and resumable after every epoch to exactly the same weights. The result is the average of the last epoch's
weights of each stage.
"""

import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmdigit.reading.audio.normalize import speech_window
from mmdigit.training.data.augment import TensorRng, augment_features
from mmdigit.training.data.augmented_clips import (
    NOT_A_DIGIT,
    AugmentedClips,
    load_augmented_clips,
    row_batches,
    rows_without_speakers,
)
from mmdigit.training.data.image_batches import ImageSets, image_batches, load_image_sets
from mmdigit.training.data.splits import Clip, Digits, load_clips, load_digits, load_glyphs
from mmdigit.training.data.synthesis import synthesize_clips
from mmdigit.training.fit.checkpoints import STAGES, StageName, checkpoint_path, read_state, restore
from mmdigit.training.fit.model import DigitModel, UnimodalClassifier, UnimodalOutput, count_parameters
from mmdigit.training.fit.plan import Schedule, TrainingPlan
from mmdigit.training.fit.stage import ONE_THREAD, Hardware, Stage, train_stage
from mmdigit.training.output import make_folder
from schemas.errors import DataError

CALM_SEED_OFFSET = 50_000  # so that the calm stage does not repeat the image stage's batches


@dataclass(frozen=True)
class TrainingSets:
    """All data of a training. augmented_clips: made from `clips`."""

    images: ImageSets
    clips: list[Clip]
    augmented_clips: AugmentedClips
    validation_digits: Digits
    validation_clips: list[Clip]


def load_sets(folder: Path, cache: Path, plan: TrainingPlan, log: Callable[[str], None]) -> TrainingSets:
    """Read, decode and check all training and validation data; make synthetic data, or read it from the cache.

    log: prints a line. Raises DataError if a required data set is missing or altered.
    """
    digits, glyphs = load_digits(folder, "train"), load_glyphs(folder, "train")
    recorded = load_clips(folder, "train")
    synthetic = synthesize_clips(cache, plan.audio.spoken_digits, plan.audio.spoken_words, plan.data_seed)
    if not synthetic:
        log("no speech synthesizer is installed: training on recorded voices only, expect less accuracy on new ones")
    clips = [clip for clip in [*recorded, *synthetic] if clip.source in plan.audio.shares]
    images = load_image_sets(digits, glyphs, plan.image, cache, plan.data_seed)
    sets = TrainingSets(
        images=images,
        clips=clips,
        augmented_clips=load_augmented_clips(clips, plan.audio, plan.data_seed, cache),
        validation_digits=load_digits(folder, "validation"),
        validation_clips=load_clips(folder, "validation"),
    )
    log(
        f"{digits.labels.size} handwritten digits, {len(recorded)} recorded and {len(synthetic)} synthetic clips, "
        f"{len(glyphs)} glyphs; validation: {sets.validation_digits.labels.size} digits, "
        f"{len(sets.validation_clips)} clips"
    )
    return sets


def train(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, hardware: Hardware = ONE_THREAD, stop_after: int | None = None
) -> DigitModel:
    """Train every stage from the folder's checkpoints, or from the start if there are none.

    folder: where the checkpoints, the history and TensorBoard's logs are written after each epoch. stop_after: stop
    each stage after that many epochs, like an interruption. Raises SettingsError if a checkpoint belongs to another
    plan, DataError if the data are too few or a left-out speaker is unknown.
    """
    check_leave_out(sets, plan)
    image = train_image(sets, plan, folder, hardware, stop_after)
    audio = train_audio(sets, plan, folder, hardware, stop_after)
    return assemble(image, audio)


def check_leave_out(sets: TrainingSets, plan: TrainingPlan) -> None:
    """Raises DataError if a left-out speaker is unknown, or if too few clips are left without these speakers."""
    rows = rows_without_speakers(sets.augmented_clips, sets.clips, plan.leave_out)
    if rows.size < plan.audio.batch_size:
        raise DataError(
            f"expected at least {plan.audio.batch_size} augmented clips without left-out speakers, got {rows.size}; "
            "leave fewer out or raise the plan's audio.rows"
        )


def assemble(image: UnimodalClassifier, audio: UnimodalClassifier) -> DigitModel:
    """The whole model from its trained classifiers, not yet calibrated."""
    model = DigitModel()
    model.image, model.audio = image, audio
    model.eval()
    return model


def train_image(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, hardware: Hardware = ONE_THREAD, stop_after: int | None = None
) -> UnimodalClassifier:
    """Train the image classifier. Raises as train does."""
    count, batch_size = sets.images.digits.labels.size, max(plan.image.batch_size, plan.calm.batch_size)
    if count < batch_size:
        raise DataError(f"expected at least {batch_size} handwritten digits, got {count}; reduce the plan's batch_size")

    def loss(model: UnimodalClassifier, image: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
        with torch.autocast(image.device.type, torch.bfloat16):
            embedding = model.encoder(image).float()
        return _classifier_loss(model, embedding, label, is_digit)

    def validate(model: UnimodalClassifier) -> dict[str, float]:
        return validate_image(model, sets.validation_digits)

    def stage(name: StageName, schedule: Schedule, first_seed: int = 0) -> Stage[UnimodalClassifier]:
        def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
            calm = name == "calm"
            for batch in image_batches(sets.images, plan.image, schedule.batch_size, first_seed + seed, calm):
                yield batch.image.contiguous(memory_format=torch.channels_last), batch.label, batch.is_digit

        return Stage(name, schedule, count // schedule.batch_size, batches, loss, validate)

    trained = train_stage(stage("image", plan.image), _new_image_classifier, plan, folder, hardware, stop_after)
    if stop_after is not None and stop_after < plan.image.epochs:
        return trained
    return train_stage(
        stage("calm", plan.calm, CALM_SEED_OFFSET), lambda: deepcopy(trained), plan, folder, hardware, stop_after
    )


def _new_image_classifier() -> UnimodalClassifier:
    model = DigitModel().image
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def train_audio(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, hardware: Hardware = ONE_THREAD, stop_after: int | None = None
) -> UnimodalClassifier:
    """Train the audio classifier. Raises as train does."""
    check_leave_out(sets, plan)
    rows = rows_without_speakers(sets.augmented_clips, sets.clips, plan.leave_out)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        rng = TensorRng(torch.Generator().manual_seed(seed + 1))
        for chosen in row_batches(rows, plan.audio.batch_size, seed):
            features = augment_features(sets.augmented_clips.batch(chosen), rng, plan.audio.distortions)
            yield features, torch.from_numpy(sets.augmented_clips.labels[chosen])

    def loss(model: UnimodalClassifier, features: Tensor, label: Tensor) -> Tensor:
        with torch.autocast(features.device.type, torch.bfloat16):
            embedding = model.encoder(features).float()
        return _classifier_loss(model, embedding, label, label != NOT_A_DIGIT)

    validation_clips = [clip for clip in sets.validation_clips if clip.name not in plan.leave_out]
    stage: Stage[UnimodalClassifier] = Stage(
        name="audio",
        schedule=plan.audio,
        n_steps=rows.size // plan.audio.batch_size,
        batches=batches,
        loss=loss,
        validate=lambda model: validate_audio(model, validation_clips),
    )
    return train_stage(stage, lambda: DigitModel().audio, plan, folder, hardware, stop_after)


def _classifier_loss(model: UnimodalClassifier, embedding: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
    """The cross-entropy of the digits, plus half the binary cross-entropy of the novelty."""
    logits, novelty = model.head(embedding), model.novelty(embedding).squeeze(1)
    digits = functional.cross_entropy(logits[is_digit], label[is_digit])
    return digits + 0.5 * functional.binary_cross_entropy_with_logits(novelty, (~is_digit).float())


@torch.no_grad()
def predict_images(model: UnimodalClassifier, images: NDArray[np.uint8]) -> UnimodalOutput:
    """The classifier's outputs for all images, (N, 28, 28), 255 = ink."""
    inputs = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    return UnimodalOutput(*(torch.cat(parts) for parts in zip(*map(model, torch.split(inputs, 512)), strict=True)))


@torch.no_grad()
def predict_clips(model: UnimodalClassifier, clips: list[Clip]) -> UnimodalOutput:
    """The classifier's outputs for all clips, each cut to length as the decoder does."""
    log_mel = DigitModel().log_mel
    waveforms = torch.from_numpy(np.stack([speech_window(clip.waveform) for clip in clips]))
    return UnimodalOutput(
        *(
            torch.cat(parts)
            for parts in zip(*(model(log_mel(chunk)) for chunk in torch.split(waveforms, 512)), strict=True)
        )
    )


def validate_image(model: UnimodalClassifier, digits: Digits) -> dict[str, float]:
    """Accuracy on the validation writers, in percent."""
    answers = predict_images(model, digits.images).logits.argmax(dim=1).numpy()
    return {"validation_image": _percent(answers == digits.labels)}


def validate_audio(model: UnimodalClassifier, clips: list[Clip]) -> dict[str, float]:
    """Accuracy on each source's validation clips, in percent."""
    correct = predict_clips(model, clips).logits.argmax(dim=1).numpy() == np.array([clip.label for clip in clips])
    return {
        f"validation_{source}": _percent(correct[[clip.source == source for clip in clips]])
        for source in sorted({clip.source for clip in clips})
    }


def _percent(correct: NDArray[np.bool_]) -> float:
    return round(100 * float(correct.mean()), 3)


def load_trained_model(folder: Path) -> tuple[DigitModel, TrainingPlan]:
    """The model of a finished training and its plan. Raises DataError if a stage is missing or unfinished."""
    states = {}
    for stage in STAGES:
        path = checkpoint_path(folder, stage)
        if not path.exists():
            raise DataError(f"expected a checkpoint at {path}, got no such file; run `mmdigit train` first")
        states[stage] = read_state(path)
        try:
            plan = TrainingPlan.model_validate_json(states[stage]["plan"])
        except ValueError as exc:
            raise DataError(f"expected a plan of this version in {path}, got another; train again") from exc
        finished, n_epochs = states[stage]["epochs"], getattr(plan, stage).epochs
        if finished != n_epochs:
            raise DataError(f"expected {n_epochs} epochs in {path}, got {finished}; run `mmdigit train` to resume")
    model = DigitModel()
    restore(checkpoint_path(folder, "calm"), (model.image, states["calm"]["average"]))
    restore(checkpoint_path(folder, "audio"), (model.audio, states["audio"]["average"]))
    return assemble(model.image, model.audio), plan


def run(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> None:
    """`mmdigit train`: load the data, train or resume, and write the checkpoints to output."""

    def log(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    make_folder(output)
    sets = load_sets(data, output.parent / "cache", plan, log)
    log(f"{count_parameters(DigitModel())} parameters, seed {plan.seed}")
    train(sets, plan, output, hardware)
