"""The plan of a training: everything it depends on besides the data. Read from a TOML file, stored in checkpoints."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

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
    "shift", "trim", "speed", "room", "equaliser", "noise", "babble", "click", "overload", "codec", "warp", "mask"
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


class TrainingPlan(_PlanModel):
    """A whole training."""

    seed: int = Field(default=1, ge=0, le=10_000)
    """of weights, order and the augmentation of batches"""
    data_seed: int = Field(default=1, ge=0, le=10_000)
    """of the synthetic clips, the photographs and the augmented clips"""
    leave_out: tuple[str, ...] = ()
    """SOURCE/SPEAKER of recorded speakers whose clips are not used"""
    image: ImagePlan
    calm: CalmPlan
    audio: AudioPlan

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file. Raises SettingsError if it is missing or is not a plan."""
        try:
            return cls.model_validate(tomllib.loads(read_regular(path, MAX_BYTES).decode()))
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
