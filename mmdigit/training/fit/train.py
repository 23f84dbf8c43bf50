"""`mmdigit train`: trains the image classifier in two stages, the audio classifier in one, and then the fused head.

Seeded, and resumable after every epoch to exactly the same weights. The result is the average of the last epoch's
weights of each stage.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmdigit.training.data.augment import TensorRng, augment_features
from mmdigit.training.data.augmented_clips import NOT_A_DIGIT, row_batches, rows_without_speakers
from mmdigit.training.data.image_batches import ImageSets, image_batches
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.fit.checkpoints import StageName
from mmdigit.training.fit.fusion import (
    Answers,
    accuracy,
    answers_to_clips,
    answers_to_images,
    draw_pairs,
    fusion_loss,
    hard_answers,
)
from mmdigit.training.fit.model import DigitModel, Fusion, UnimodalClassifier, UnimodalOutput, count_parameters
from mmdigit.training.fit.predictions import predict_clips, predict_images
from mmdigit.training.fit.sets import TrainingSets, load_sets
from mmdigit.training.fit.stage import ONE_THREAD, Hardware, Stage, train_stage
from mmdigit.training.fit.teachers import Taught, distillation_loss, load_taught, load_teachers, new_audio_classifier
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.output import log, make_folder
from mmdigit.training.plan import Schedule, TrainingPlan
from schemas.errors import DataError

FUSION_SEED_OFFSET = 70_000
FSDD = "fsdd"
CALM_SEED_OFFSET = 50_000  # so that the calm stage does not repeat the image stage's batches


def train(
    sets: TrainingSets,
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware = ONE_THREAD,
    stop_after: int | None = None,
    taught: Taught | None = None,
) -> DigitModel:
    """Train every stage from the folder's checkpoints, or from the start if there are none.

    folder: where the checkpoints, the history and TensorBoard's logs are written after each epoch. stop_after: stop
    each stage after that many epochs, like an interruption. taught: the teachers' answers, None = no teachers. Raises
    SettingsError if a checkpoint belongs to another plan, DataError if the data are too few or a left-out speaker is
    unknown.
    """
    check_leave_out(sets, plan)
    image = train_image(sets.images, sets.validation_digits, plan, folder, hardware, stop_after)
    audio = train_audio(sets, plan, folder, hardware, stop_after, taught)
    model = assemble(image, audio)
    if stop_after is not None and stop_after < max(plan.image.epochs, plan.calm.epochs, plan.audio.epochs):
        return model  # the fused head learns from finished encoders only
    return train_fusion(model, sets, plan, folder, hardware, stop_after)


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
    images: ImageSets,
    validation: Digits,
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware = ONE_THREAD,
    stop_after: int | None = None,
) -> UnimodalClassifier:
    """Train the image classifier. Raises as train does."""
    count, batch_size = images.digits.labels.size, max(plan.image.batch_size, plan.calm.batch_size)
    if count < batch_size:
        raise DataError(f"expected at least {batch_size} handwritten digits, got {count}; reduce the plan's batch_size")

    def loss(model: UnimodalClassifier, image: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
        with torch.autocast(image.device.type, torch.bfloat16):
            embedding = model.encoder(image).float()
        return _classifier_loss(model, embedding, label, is_digit)

    def validate(model: UnimodalClassifier) -> dict[str, float]:
        return validate_image(model, validation)

    def stage(name: StageName, schedule: Schedule, first_seed: int = 0) -> Stage[UnimodalClassifier]:
        def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
            calm = name == "calm"
            for batch in image_batches(images, plan.image, schedule.batch_size, first_seed + seed, calm):
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
    sets: TrainingSets,
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware = ONE_THREAD,
    stop_after: int | None = None,
    taught: Taught | None = None,
) -> UnimodalClassifier:
    """Train the audio classifier. taught: the teachers' answers, None = no teachers. Raises as train does."""
    check_leave_out(sets, plan)
    rows = rows_without_speakers(sets.augmented_clips, sets.clips, plan.leave_out)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        rng = TensorRng(torch.Generator().manual_seed(seed + 1))
        for chosen in row_batches(rows, plan.audio.batch_size, seed):
            features = augment_features(sets.augmented_clips.batch(chosen), rng, plan.audio.distortions)
            labels = torch.from_numpy(sets.augmented_clips.labels[chosen])
            yield (features, labels) if taught is None else (features, labels, torch.from_numpy(taught[chosen]))

    def loss(model: UnimodalClassifier, features: Tensor, label: Tensor, taught: Tensor | None = None) -> Tensor:
        with torch.autocast(features.device.type, torch.bfloat16):
            embedding = model.encoder(features).float()
        own = _classifier_loss(model, embedding, label, label != NOT_A_DIGIT)
        if taught is None:
            return own
        return torch.lerp(own, distillation_loss(model, embedding, taught.float()), plan.audio.distillation)

    validation_clips = [clip for clip in sets.validation_clips if clip.name not in plan.leave_out]
    stage: Stage[UnimodalClassifier] = Stage(
        name="audio",
        schedule=plan.audio,
        n_steps=rows.size // plan.audio.batch_size,
        batches=batches,
        loss=loss,
        validate=lambda model: validate_audio(model, validation_clips),
    )
    return train_stage(stage, lambda: new_audio_classifier(plan.audio), plan, folder, hardware, stop_after)


def train_fusion(
    model: DigitModel,
    sets: TrainingSets,
    plan: TrainingPlan,
    folder: Path,
    hardware: Hardware = ONE_THREAD,
    stop_after: int | None = None,
    make_head: Callable[[], Fusion] = Fusion,
) -> DigitModel:
    """Train the fused head of a model whose encoders are trained. make_head: an untrained head. Returns the model.

    Raises as train does.
    """
    clips = [clip for clip in sets.validation_clips if clip.name not in plan.leave_out]
    model.fusion.weight.copy_(1 / torch.tensor(temperatures(model, sets.validation_digits, clips)))
    seed = plan.seed * 100_003 + FUSION_SEED_OFFSET

    @cache
    def answers() -> tuple[Answers, Answers]:
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        rows = rows_without_speakers(sets.augmented_clips, sets.clips, plan.leave_out)
        rows = np.sort(random.choice(rows, min(plan.fusion.samples, rows.size), replace=False))
        epochs = (image_batches(sets.images, plan.image, plan.image.batch_size, seed + epoch) for epoch in range(100))
        images = answers_to_images(model.image, chain.from_iterable(epochs), plan.fusion.samples)
        return images, answers_to_clips(model.audio, sets.augmented_clips, rows, plan.audio, seed)

    @cache
    def validation_answers() -> tuple[Answers, Answers]:
        return hard_answers(model.image, model.audio, sets.validation_digits, clips)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        images, clips = answers()
        random = np.random.default_rng(seed)
        rows, columns = draw_pairs(images.labels, clips.labels, plan.fusion.pairs, plan.fusion.conflicts, random)
        for start in range(0, rows.size - plan.fusion.batch_size + 1, plan.fusion.batch_size):
            part = slice(start, start + plan.fusion.batch_size)
            labels = (torch.from_numpy(of.labels[chosen[part]]) for of, chosen in ((images, rows), (clips, columns)))
            yield (*images.select(rows[part]), *clips.select(columns[part]), *labels)

    def loss(head: Fusion, *parts: Tensor) -> Tensor:
        image, audio = UnimodalOutput(*parts[:3]), UnimodalOutput(*parts[3:6])
        return fusion_loss(head, image, audio, parts[6], parts[7], plan.fusion.penalty)

    stage: Stage[Fusion] = Stage(
        name="fusion",
        schedule=plan.fusion,
        n_steps=plan.fusion.pairs // plan.fusion.batch_size,
        batches=batches,
        loss=loss,
        validate=lambda head: accuracy(head, *validation_answers()),
    )

    def new_head() -> Fusion:
        head = make_head()
        head.weight.copy_(model.fusion.weight)
        return head

    model.fusion = train_stage(stage, new_head, plan, folder, hardware, stop_after)
    return model


def temperatures(model: DigitModel, digits: Digits, clips: list[Clip]) -> tuple[float, float]:
    """Of image and audio on the validation split; of its speakers, only those whom no training has heard, if there are
    such: in what it knows, the audio head is surer than is right for others."""
    clips = [clip for clip in clips if clip.source != FSDD] or clips
    labels = np.array([clip.label for clip in clips], np.int64)
    return (
        fit_temperature(predict_images(model.image, digits.images).logits.numpy(), digits.labels),
        fit_temperature(predict_clips(model.audio, clips).logits.numpy(), labels),
    )


def _classifier_loss(model: UnimodalClassifier, embedding: Tensor, label: Tensor, is_digit: Tensor) -> Tensor:
    """The cross-entropy of the digits, plus half the binary cross-entropy of the novelty."""
    logits, novelty = model.head(embedding), model.novelty(embedding).squeeze(1)
    digits = functional.cross_entropy(logits[is_digit], label[is_digit])
    return digits + 0.5 * functional.binary_cross_entropy_with_logits(novelty, (~is_digit).float())


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


def run(
    data: Path, output: Path, plan: TrainingPlan, hardware: Hardware, teachers: Sequence[Path] = (), audio: bool = False
) -> None:
    """`mmdigit train`: load the data, train or resume, and write the checkpoints to output.

    teachers: the folders of trainings that teach the audio classifier; audio: train that one only, as for a teacher.
    """

    make_folder(output)
    models, digests = load_teachers(teachers)
    plan = plan.model_copy(update={"teachers": digests})
    sets = load_sets(data, output.parent / "cache", plan, log, images=not audio)
    torch.set_num_threads(hardware.threads)
    taught = load_taught(models, digests, sets.augmented_clips, output.parent / "cache") if models else None
    if audio:
        log(f"{count_parameters(new_audio_classifier(plan.audio))} parameters, seed {plan.seed}")
        train_audio(sets, plan, output, hardware, taught=taught)
    else:
        log(f"{count_parameters(DigitModel())} parameters, seed {plan.seed}")
        train(sets, plan, output, hardware, taught=taught)
