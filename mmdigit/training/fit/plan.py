"""What a training depends on besides the data: read from a TOML file, checked, and stored in every checkpoint."""

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


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(_Part):
    """How one stage is optimised: AdamW, a short warm-up, half a cosine down, a moving average of the weights."""

    epochs: int = Field(ge=1, le=1000)
    batch_size: int = Field(ge=2, le=8192)
    learning_rate: float = Field(gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0, le=1)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)


class ImagePlan(Schedule):
    """One epoch reads every handwritten digit of the training set once."""

    negatives: Share = 0.12
    """of the pictures are no digits"""
    photographs: Share = 0.4
    """of the pictures are renderings as photographs and scans, through the decoder"""
    strokes: Share = 0.04
    """of the pictures are drawn: ones with a flag, sevens with a bar"""


class CalmPlan(Schedule):
    """A second look at the pictures, as the image plan mixes them but bent and slanted little."""


class AudioPlan(Schedule):
    """One epoch reads every row of the bank once: `rows` augmented clips, made beforehand."""

    rows: int = Field(ge=64, le=5_000_000)
    negatives: Share = 0.12
    """of the rows are no digits"""
    shares: Annotated[dict[str, Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=1)]
    """how often each source of clips is drawn, relative to the others; sources not named are not used"""
    distortions: tuple[Distortion, ...]
    spoken_digits: int = Field(ge=0, le=1_000_000)
    """synthetic clips to make"""
    spoken_words: int = Field(ge=0, le=1_000_000)
    """synthetic clips that are no digits"""


class TrainingPlan(_Part):
    """A whole training."""

    seed: int = Field(default=1, ge=0, le=10_000)
    """of weights, order and augmentation; the bank and the synthetic clips have one of their own"""
    data_seed: int = Field(default=1, ge=0, le=10_000)
    """of the synthetic clips, the photographs and the bank"""
    leave_out: tuple[str, ...] = ()
    """SOURCE/SPEAKER of recorded speakers who are not heard at all"""
    image: ImagePlan
    calm: CalmPlan
    audio: AudioPlan

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a TOML file. Raises SettingsError if it is missing or says something else than a plan."""
        try:
            return cls.model_validate(tomllib.loads(read_regular(path, MAX_BYTES).decode()))
        except OSError as exc:
            raise SettingsError(f"expected a configuration at {path}, it cannot be read ({exc.strerror})") from exc
        except ValidationError as exc:
            problems = validation_lines(exc)
            raise SettingsError(f"expected {path} to be a training's configuration: {problems}; see {SHIPPED}") from exc
        except (ValueError, RecursionError) as exc:
            reason = printable(str(exc), 200)
            raise SettingsError(f"expected {path} to be TOML, it is not ({reason}); see {SHIPPED}") from exc
