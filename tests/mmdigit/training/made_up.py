"""Small made-up data sets: bars at ten heights, and tones of ten pitches."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.training.data.augmented_clips import load_augmented_clips
from mmdigit.training.data.image_batches import ImageSets
from mmdigit.training.data.pronunciations import NUMBER_WORDS
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.fit.sets import TrainingSets
from mmdigit.training.plan import QUICK, AudioPlan, FusionPlan, StringsPlan, TrainingPlan
from tests.mmdigit.clips import tone


def plan(**changes: object) -> TrainingPlan:
    """Two short epochs of each stage."""
    quick = TrainingPlan.read(QUICK)
    return TrainingPlan(
        seed=3,
        image=quick.image.model_copy(update={"epochs": 2, "batch_size": 32}),
        calm=quick.calm.model_copy(update={"epochs": 2, "batch_size": 32}),
        audio=AudioPlan.model_validate(
            {**quick.audio.model_dump(), "epochs": 2, "batch_size": 32, "rows": 96, "shares": {"fsdd": 1, "espeak": 1}}
        ),
        fusion=FusionPlan(epochs=2, batch_size=32, learning_rate=1e-3, pairs=64, samples=64),
    ).model_copy(update=changes)


def one_epoch_plan() -> TrainingPlan:
    """One short epoch of each encoder."""
    once = {stage: getattr(plan(), stage).model_copy(update={"epochs": 1}) for stage in ("image", "calm", "audio")}
    return plan(**once)


def strings_plan(epochs: int) -> TrainingPlan:
    """Of a small listener."""
    return plan(strings=StringsPlan(epochs=epochs, batch_size=8, learning_rate=5e-3, steps=25, hidden=16, share=0.1))


def digits(count: int, seed: int) -> Digits:
    """Label n is a bright bar at height 4 + 2n."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    images = random.integers(0, 30, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 6:22] = 250
    return Digits(images, labels, np.zeros(count, np.int64))


def clips(per_digit: int) -> list[Clip]:
    """Label n is a tone of 200 + 150n Hz, said by speakers a and b; one clip that is no digit."""
    spoken = [
        Clip(
            tone(0.2 + 0.01 * number, pitch_hz=200 + 150 * label).astype(np.float32),
            label,
            "fsdd",
            "ab"[number % 2],
            number,
        )
        for label in range(10)
        for number in range(per_digit)
    ]
    other = Clip(tone(0.3, pitch_hz=3000).astype(np.float32), None, "espeak", "c", 0)
    return [*spoken, other]


def number_words() -> list[Clip]:
    """Tones of 2, 2.4 and 2.8 kHz, by ten voices."""
    return [
        Clip(tone(0.3, pitch_hz=2000 + 400 * place).astype(np.float32), None, "espeak", f"voice-{voice}", 0, word)
        for place, word in enumerate(NUMBER_WORDS)
        for voice in range(10)
    ]


def sets(cache: Path, count: int = 96) -> TrainingSets:
    """The data of a training of plan(); cache: for the augmented clips."""
    spoken = clips(2)
    return TrainingSets(
        images(count), spoken, load_augmented_clips(spoken, plan().audio, 1, cache), digits(20, 2), clips(2)[:20]
    )


def images(count: int) -> ImageSets:
    glyphs = np.random.default_rng(5).integers(0, 255, (8, 28, 28)).astype(np.uint8)
    train_digits = digits(count, 1)
    return ImageSets(train_digits, train_digits.images // 2, glyphs, glyphs)


def is_laid_out(image: NDArray[np.uint8]) -> bool:
    """Whether bright ink stands in the middle of black paper, as in MNIST: (28, 28), 255 = ink."""
    rows, columns = np.indices(image.shape)
    centre = np.array([(image * rows.astype(np.int64)).sum(), (image * columns.astype(np.int64)).sum()]) / image.sum()
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return image.max() > 230 and border.mean() < 15 and bool((abs(centre - 14) < 4).all())
