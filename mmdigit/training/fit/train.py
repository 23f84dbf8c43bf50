"""Train the model: the image specialist in two stages, the audio specialist in one. Their sum needs no training.

Seeded, resumable after every epoch of every stage to the very same weights; each stage's last epoch's average is kept.
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
from mmdigit.training.data.augment import Chance, augment_features
from mmdigit.training.data.clips import NOT_A_DIGIT, Bank, heard_rows, load_bank, sound_batches
from mmdigit.training.data.datasets import Clip, Digits, load_digits, load_glyphs, load_spoken
from mmdigit.training.data.images import PictureSets, load_picture_sets, picture_batches
from mmdigit.training.data.synthesis import synthesise
from mmdigit.training.fit.checkpoints import (
    ONE_THREAD,
    STAGES,
    Machine,
    Stage,
    StageName,
    checkpoint_path,
    fit,
    make_folder,
    read_state,
    restore,
)
from mmdigit.training.fit.model import DigitModel, Reading, Specialist, count_parameters
from mmdigit.training.fit.plan import Schedule, TrainingPlan
from schemas.errors import DataError

CALM_SEEDS = 50_000  # apart from those of the image stage, so that its epochs do not come again


@dataclass(frozen=True)
class TrainingSets:
    """What a training reads."""

    pictures: PictureSets
    clips: list[Clip]
    bank: Bank
    validation_digits: Digits
    validation_clips: list[Clip]


def load_sets(folder: Path, cache: Path, plan: TrainingPlan, say: Callable[[str], None]) -> TrainingSets:
    """Read, decode and check all training and validation data; make what is synthetic, or take it from the cache.

    Raises DataError if a required set is missing or altered.
    """
    digits, glyphs = load_digits(folder, "train"), load_glyphs(folder, "train")
    recorded = load_spoken(folder, "train")
    synthetic = synthesise(cache, plan.audio.spoken_digits, plan.audio.spoken_words, plan.data_seed)
    if not synthetic:
        say("no speech synthesiser is installed: training on recorded voices alone, which strangers will show")
    clips = [clip for clip in [*recorded, *synthetic] if clip.source in plan.audio.shares]
    pictures = load_picture_sets(digits, glyphs, plan.image, cache, plan.data_seed)
    sets = TrainingSets(
        pictures=pictures,
        clips=clips,
        bank=load_bank(clips, plan.audio, plan.data_seed, cache),
        validation_digits=load_digits(folder, "validation"),
        validation_clips=load_spoken(folder, "validation"),
    )
    say(
        f"{digits.labels.size} handwritten digits, {len(recorded)} recorded and {len(synthetic)} synthetic clips, "
        f"{len(glyphs)} glyphs; validation: {sets.validation_digits.labels.size} digits, "
        f"{len(sets.validation_clips)} clips"
    )
    return sets


def train(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, machine: Machine = ONE_THREAD, stop_after: int | None = None
) -> DigitModel:
    """Train every stage from the folder's checkpoints, or from the start if there are none.

    folder: where the checkpoints, the history and TensorBoard's logs are written, after each epoch. stop_after: leave
    each stage after that many epochs, as an interruption would. Raises SettingsError if a checkpoint belongs to
    another plan.
    """
    check_heard(sets, plan)
    image = train_image(sets, plan, folder, machine, stop_after)
    audio = train_audio(sets, plan, folder, machine, stop_after)
    return assemble(image, audio)


def check_heard(sets: TrainingSets, plan: TrainingPlan) -> None:
    """Raises DataError if a left-out speaker is none, or too little is left to hear: before anything is trained."""
    rows = heard_rows(sets.bank, sets.clips, plan.leave_out)
    if rows.size < plan.audio.batch_size:
        raise DataError(f"expected at least {plan.audio.batch_size} rows of the bank to hear, {rows.size} are left")


def assemble(image: Specialist, audio: Specialist) -> DigitModel:
    """The whole model of its trained parts, not yet calibrated."""
    model = DigitModel()
    model.image, model.audio = image, audio
    model.eval()
    return model


def train_image(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, machine: Machine = ONE_THREAD, stop_after: int | None = None
) -> Specialist:
    """The image specialist. Raises as train does, and DataError if there are fewer digits than fill a batch."""
    count, fewest = sets.pictures.digits.labels.size, max(plan.image.batch_size, plan.calm.batch_size)
    if count < fewest:
        raise DataError(f"expected at least {fewest} handwritten digits, got {count}")

    def loss(part: Specialist, image: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
        with torch.autocast(image.device.type, torch.bfloat16):
            embedding = part.encoder(image).float()
        return _specialist_loss(part, embedding, label, is_digit)

    def validate(part: Specialist) -> dict[str, float]:
        return validate_image(part, sets.validation_digits)

    def stage(name: StageName, schedule: Schedule, first_seed: int = 0) -> Stage[Specialist]:
        def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
            made = picture_batches(sets.pictures, plan.image, schedule.batch_size, first_seed + seed, name == "calm")
            for batch in made:
                yield batch.image.contiguous(memory_format=torch.channels_last), batch.label, batch.is_digit

        return Stage(name, schedule, count // schedule.batch_size, batches, loss, validate)

    trained = fit(stage("image", plan.image), _image_part, plan, folder, machine, stop_after)
    if stop_after is not None and stop_after < plan.image.epochs:
        return trained
    return fit(stage("calm", plan.calm, CALM_SEEDS), lambda: deepcopy(trained), plan, folder, machine, stop_after)


def _image_part() -> Specialist:
    part = DigitModel().image
    return part.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def train_audio(
    sets: TrainingSets, plan: TrainingPlan, folder: Path, machine: Machine = ONE_THREAD, stop_after: int | None = None
) -> Specialist:
    """The audio specialist. Raises as train does."""
    check_heard(sets, plan)
    rows = heard_rows(sets.bank, sets.clips, plan.leave_out)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        chance = Chance(torch.Generator().manual_seed(seed + 1))
        for chosen in sound_batches(rows, plan.audio.batch_size, seed):
            features = augment_features(sets.bank.batch(chosen), chance, plan.audio.distortions)
            yield features, torch.from_numpy(sets.bank.labels[chosen])

    def loss(part: Specialist, features: Tensor, label: Tensor) -> Tensor:
        with torch.autocast(features.device.type, torch.bfloat16):
            embedding = part.encoder(features).float()
        return _specialist_loss(part, embedding, label, label != NOT_A_DIGIT)

    strangers = [clip for clip in sets.validation_clips if clip.name not in plan.leave_out]
    stage: Stage[Specialist] = Stage(
        name="audio",
        schedule=plan.audio,
        n_steps=rows.size // plan.audio.batch_size,
        batches=batches,
        loss=loss,
        validate=lambda part: validate_audio(part, strangers),
    )
    return fit(stage, lambda: DigitModel().audio, plan, folder, machine, stop_after)


def _specialist_loss(part: Specialist, embedding: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
    """The digits' cross-entropy, and half of the novelty's."""
    logits, novelty = part.head(embedding), part.novelty(embedding).squeeze(1)
    digits = functional.cross_entropy(logits[is_digit], label[is_digit])
    return digits + 0.5 * functional.binary_cross_entropy_with_logits(novelty, (~is_digit).float())


@torch.no_grad()
def read_images(part: Specialist, pictures: NDArray[np.uint8]) -> Reading:
    """pictures: (N, 28, 28), 255 = ink. What the specialist gives for all of them."""
    images = torch.from_numpy(pictures.astype(np.float32) / 255)[:, None]
    return Reading(*(torch.cat(parts) for parts in zip(*map(part, torch.split(images, 512)), strict=True)))


@torch.no_grad()
def read_clips(part: Specialist, clips: list[Clip]) -> Reading:
    """What the specialist gives for all clips, each placed as the decoder does."""
    log_mel = DigitModel().log_mel
    sounds = torch.from_numpy(np.stack([speech_window(clip.waveform) for clip in clips]))
    return Reading(
        *(torch.cat(parts) for parts in zip(*(part(log_mel(some)) for some in torch.split(sounds, 512)), strict=True))
    )


def validate_image(part: Specialist, digits: Digits) -> dict[str, float]:
    """Accuracy on the validation writers, in percent."""
    answers = read_images(part, digits.pictures).logits.argmax(dim=1).numpy()
    return {"validation_image": _percent(answers == digits.labels)}


def validate_audio(part: Specialist, clips: list[Clip]) -> dict[str, float]:
    """Accuracy on each source's validation clips, in percent."""
    right = read_clips(part, clips).logits.argmax(dim=1).numpy() == np.array([clip.label for clip in clips])
    return {
        f"validation_{source}": _percent(right[[clip.source == source for clip in clips]])
        for source in sorted({clip.source for clip in clips})
    }


def _percent(right: NDArray[np.bool_]) -> float:
    return round(100 * float(right.mean()), 3)


def load_checkpoint(folder: Path) -> tuple[DigitModel, TrainingPlan]:
    """The finished model of a training's folder and its plan. Raises DataError if a stage is missing or unfinished."""
    states = {}
    for stage in STAGES:
        path = checkpoint_path(folder, stage)
        if not path.exists():
            raise DataError(f"expected a checkpoint at {path}, it is missing; run `mmdigit train` first")
        states[stage] = read_state(path)
        try:
            plan = TrainingPlan.model_validate_json(states[stage]["plan"])
        except ValueError as exc:
            raise DataError(f"expected {path} to hold this version's plan, it does not; train again") from exc
        done, n_epochs = states[stage]["epochs"], getattr(plan, stage).epochs
        if done != n_epochs:
            raise DataError(f"expected {n_epochs} epochs in {path}, {done} are done; run `mmdigit train` on")
    model = DigitModel()
    restore(checkpoint_path(folder, "calm"), (model.image, states["calm"]["average"]))
    restore(checkpoint_path(folder, "audio"), (model.audio, states["audio"]["average"]))
    return assemble(model.image, model.audio), plan


def run(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> None:
    """`mmdigit train`: load the data, train or resume, leave the checkpoints in output."""

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    make_folder(output)
    sets = load_sets(data, output.parent / "cache", plan, say)
    say(f"{count_parameters(DigitModel())} parameters, seed {plan.seed}")
    train(sets, plan, output, machine)
