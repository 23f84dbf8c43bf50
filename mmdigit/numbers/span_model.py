"""How likely a span of a line holds exactly one digit: a small network of its shape and of what the reader makes of it.

Everything that depends on the reader's weights lies in written.json beside this file, which `python -m
lab.benchmarks.lines.fitting` measures on validation writers and writes.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmdigit.files.regular import read_regular
from mmdigit.numbers.lattice import Floats
from mmdigit.numbers.spans import SHAPES
from schemas.errors import WeightsError
from schemas.prediction import Probability

FITTED = Path(__file__).parent / "written.json"
MAX_BYTES = 256 * 1024
NOVELTY_RANGE, LEAST_TOP = 8.0, -3.0
N_FEATURES = 2 + len(SHAPES) + 20
Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, ...]


class FittedLines(BaseModel):
    """The content of written.json."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_version: str
    """Of the reader that it was fitted with."""
    mean: Row
    scale: Row
    hidden: tuple[Row, ...]
    """(N_FEATURES, n_hidden)."""
    hidden_bias: Row
    output: Row
    output_bias: Number
    accept: Probability
    """The confidence from which a number is accepted."""

    @model_validator(mode="after")
    def _shapes_fit(self) -> "FittedLines":
        width = len(self.hidden_bias)
        sizes = {len(self.mean), len(self.scale), len(self.hidden)}
        if sizes != {N_FEATURES} or {len(row) for row in self.hidden} | {len(self.output)} != {width}:
            raise ValueError(f"expected {N_FEATURES} features and {width} hidden values, got others")
        return self


@cache
def load_fitted(path: Path = FITTED) -> FittedLines:
    """Raises WeightsError if the file is missing or damaged."""
    try:
        return FittedLines.model_validate_json(read_regular(path, MAX_BYTES))
    except (OSError, ValidationError) as exc:
        raise WeightsError(
            f"expected {path} as lab.benchmarks.lines.fitting writes it, got {type(exc).__name__}; restore the file"
        ) from exc


def features_of(log_chances: Floats, novelty_logits: Floats, shapes: Floats) -> Floats:
    """(S, N_FEATURES). log_chances: (S, 10), of each digit; novelty_logits: (S,); shapes: (S, len(SHAPES))."""
    digit = np.eye(10)[log_chances.argmax(axis=1)]
    novelty = np.clip(novelty_logits, -NOVELTY_RANGE, NOVELTY_RANGE)
    top = np.maximum(log_chances.max(axis=1), LEAST_TOP)
    return np.column_stack([novelty, top, shapes, digit, digit * shapes[:, :1]])


def single_digit_odds(log_chances: Floats, novelty_logits: Floats, shapes: Floats, fitted: FittedLines) -> Floats:
    """The logarithm of the odds that each span is exactly one digit, (S,). Arguments as for features_of."""
    values = (features_of(log_chances, novelty_logits, shapes) - np.array(fitted.mean)) / np.array(fitted.scale)
    hidden = np.tanh(values @ np.array(fitted.hidden) + np.array(fitted.hidden_bias))
    return np.asarray(hidden @ np.array(fitted.output) + fitted.output_bias, np.float64)
