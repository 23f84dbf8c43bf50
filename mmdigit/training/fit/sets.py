"""All data of a training, read, decoded and augmented."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdigit.training.data.augmented_clips import AugmentedClips, load_augmented_clips
from mmdigit.training.data.european_hands import load_empty_boxes, load_european_digits
from mmdigit.training.data.image_batches import ImageSets, load_image_sets
from mmdigit.training.data.letters import letters
from mmdigit.training.data.splits import Clip, Digits, load_clips, load_digits, load_glyphs
from mmdigit.training.data.synthesis import synthesize_clips
from mmdigit.training.plan import ImagePlan, TrainingPlan

N_EMPTY_BOXES = 800  # photographs of boxes in which nothing is written


@dataclass(frozen=True)
class TrainingSets:
    """All data of a training. augmented_clips: made from `clips`."""

    images: ImageSets
    clips: list[Clip]
    augmented_clips: AugmentedClips
    validation_digits: Digits
    validation_clips: list[Clip]


def load_sets(
    folder: Path, cache: Path, plan: TrainingPlan, log: Callable[[str], None], images: bool = True
) -> TrainingSets:
    """Read, decode and check all training and validation data; make synthetic data, or read it from the cache.

    log: prints a line; images: whether to make those too, else there are only MNIST's. Raises DataError if a required
    data set is missing or altered.
    """
    image_plan = plan.image if images else plan.image.model_copy(update={"photographs": 0})
    image_sets = load_images(folder, cache, image_plan, plan.data_seed, log)
    recorded = load_clips(folder, "train")
    synthetic = synthesize_clips(cache, plan.audio.spoken_digits, plan.audio.spoken_words, plan.data_seed, folder)
    if not synthetic:
        log("no speech synthesizer is installed: training on recorded voices only, expect less accuracy on new ones")
    clips = [clip for clip in [*recorded, *synthetic] if clip.source in plan.audio.shares]
    sets = TrainingSets(
        images=image_sets,
        clips=clips,
        augmented_clips=load_augmented_clips(clips, plan.audio, plan.data_seed, cache),
        validation_digits=load_digits(folder, "validation"),
        validation_clips=load_clips(folder, "validation"),
    )
    log(
        f"{len(recorded)} recorded and {len(synthetic)} synthetic clips; validation: "
        f"{sets.validation_digits.labels.size} digits, {len(sets.validation_clips)} clips"
    )
    return sets


def load_images(folder: Path, cache: Path, plan: ImagePlan, seed: int, log: Callable[[str], None]) -> ImageSets:
    """The images alone, as load_sets reads and makes them."""
    mnist = load_digits(folder, "train")
    european = load_european_digits(folder, "train", mnist)
    glyphs = np.concatenate([load_glyphs(folder, "train"), letters(), load_empty_boxes(folder, N_EMPTY_BOXES)])
    log(f"{mnist.labels.size} handwritten digits of MNIST and {european.labels.size} of others, {len(glyphs)} glyphs")
    return load_image_sets(mnist.join(european), glyphs, plan, cache, seed)
