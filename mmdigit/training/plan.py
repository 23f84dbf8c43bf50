"""The plan of a training: everything it depends on besides the data. Read from a TOML file, stored in checkpoints."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmdigit.files.regular import read_regular
from schemas.errors import SettingsError
from schemas.printable import printable
from schemas.validation import validation_lines

CONFIGS = Path(__file__).parent / "configs"
SHIPPED = CONFIGS / "shipped.toml"
QUICK = CONFIGS / "quick.toml"
MAX_BYTES = 1024 * 1024

Share = Annotated[float, Field(ge=0, le=0.9)]
Distortion = Literal[
    "shift",
    "trim",
    "neighbours",
    "speed",
    "room",
    "equaliser",
    "noise",
    "babble",
    "click",
    "overload",
    "codec",
    "warp",
    "mask",
]


class _PlanModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(_PlanModel):
    """Optimization of one stage: AdamW, a short warm-up, cosine decay, a moving average of the weights."""

    epochs: int = Field(ge=1, le=1000)
    batch_size: int = Field(ge=2, le=8192)
    learning_rate: float = Field(gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0, le=1)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)


class ImagePlan(Schedule):
    """One epoch reads every handwritten digit of the training set once."""

    negatives: Share = 0.12
    """share of images that are not digits"""
    photographs: Share = 0.4
    """share of images that are rendered as photographs and scans and read by the decoder"""
    strokes: Share = 0.04
    """share of images that are drawn: ones with a flag, sevens with a bar"""


class CalmPlan(Schedule):
    """More epochs on the same images, with their shape distorted only a little."""


class AudioPlan(Schedule):
    """One epoch reads every augmented clip once: `rows` of them, made beforehand."""

    rows: int = Field(ge=64, le=5_000_000)
    negatives: Share = 0.12
    """share of rows that are not digits"""
    shares: Annotated[dict[str, Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=1)]
    """how often each source of clips is drawn, relative to the others; other sources are not used"""
    distortions: tuple[Distortion, ...]
    spoken_digits: int = Field(ge=0, le=1_000_000)
    """digits to synthesize"""
    spoken_words: int = Field(ge=0, le=1_000_000)
    """other words to synthesize"""
    width: int = Field(default=96, ge=8, le=1024)
    """channels of the audio encoder's convolutions"""
    hidden: int = Field(default=64, ge=8, le=1024)
    """units of its recurrent network, in each direction"""
    layers: int = Field(default=1, ge=1, le=4)
    """of its recurrent network"""
    distillation: Share = 0.0
    """share of the loss that compares with the teachers' answers, where there are teachers"""


class FusionPlan(Schedule):
    """Many pairs of an augmented image and an augmented clip, read by the encoders once."""

    pairs: int = Field(default=200_000, ge=64, le=10_000_000)
    """in each epoch"""
    samples: int = Field(default=60_000, ge=64, le=1_000_000)
    """images and clips, of each, that the pairs are drawn from"""
    conflicts: Share = 0.1
    """share of pairs of different digits, on which the sum is to stay as it is"""
    penalty: float = Field(default=0.01, ge=0, le=100)
    """of what is added to the sum of the logits, squared"""


class StringsPlan(Schedule):
    """Spoken numbers: joined anew for every batch, with the words that change a number, and said in one breath."""

    steps: int = Field(default=300, ge=1, le=100_000)
    """in each epoch"""
    spoken: int = Field(default=2300, ge=0, le=1_000_000)
    """numbers to synthesize that are said in one breath, half of them with such words"""
    clips: int = Field(default=900, ge=0, le=1_000_000)
    """of these words, to synthesize"""
    share: float = Field(default=0.04, gt=0, le=0.5)
    """of these words among what is joined"""
    hidden: int = Field(default=96, ge=8, le=1024)
    """units of the listener's recurrent network, in each direction"""


class TrainingPlan(_PlanModel):
    """A whole training."""

    seed: int = Field(default=1, ge=0, le=10_000)
    """of weights, order and the augmentation of batches"""
    data_seed: int = Field(default=1, ge=0, le=10_000)
    """of the synthetic clips, the photographs and the augmented clips"""
    leave_out: tuple[str, ...] = ()
    """SOURCE/SPEAKER of recorded speakers whose clips are not used"""
    teachers: tuple[str, ...] = ()
    """SHA-256 of the audio checkpoints that teach; set by `mmdigit train --teachers`"""
    image: ImagePlan
    calm: CalmPlan
    audio: AudioPlan
    fusion: FusionPlan = FusionPlan(epochs=8, batch_size=512, learning_rate=1e-3, weight_decay=0.05)
    strings: StringsPlan = StringsPlan(epochs=8, batch_size=48, learning_rate=2e-3, ema_decay=0.998)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file. `base` in it names a file of CONFIGS that holds what it does not say.

        Raises SettingsError if it is missing or is not a plan.
        """
        try:
            return cls.model_validate(_read_tables(path))
        except OSError as exc:
            raise SettingsError(
                f"expected a configuration at {path}, cannot read it ({exc.strerror}); check --config"
            ) from exc
        except ValidationError as exc:
            problems = validation_lines(exc)
            raise SettingsError(f"expected {path} to be a training plan, got {problems}; see {SHIPPED}") from exc
        except (ValueError, RecursionError) as exc:
            reason = printable(str(exc), 200)
            raise SettingsError(f"expected {path} to be TOML, got something else ({reason}); see {SHIPPED}") from exc


def _read_tables(path: Path) -> dict[str, Any]:
    tables = tomllib.loads(read_regular(path, MAX_BYTES).decode())
    base = tables.pop("base", None)
    if base is None:
        return tables
    if base not in (names := sorted(file.stem for file in CONFIGS.glob("*.toml"))):
        raise ValueError(f"expected base to be one of {', '.join(names)}, got {base!r}")
    merged = _read_tables(CONFIGS / f"{base}.toml")
    for name, value in tables.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged
