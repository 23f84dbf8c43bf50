"""The chances from which fields are accepted, by kind of field, as `mmdigit form learn` has fitted them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmdigit.files.regular import read_regular
from mmdigit.forms.template.template import FormField, Template
from schemas.errors import DataError
from schemas.prediction import Probability
from schemas.printable import printable
from schemas.validation import validation_lines

MAX_BYTES = 256 * 1024
Count = Annotated[int, Field(ge=0)]


class FieldThreshold(BaseModel):
    """Of one kind of field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    chance: Probability
    """Values of at least this chance are accepted."""
    target_error: Probability
    bound: Probability
    """Of the error among them, 95 %."""
    looked_at: Count
    wrong: Count


class Thresholds(BaseModel):
    """Of one form, for the answers of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1]
    form: str
    model_version: str
    fields: Annotated[dict[str, FieldThreshold], Field(max_length=200)]

    def least_chance(self, field: FormField, model_version: str) -> float | None:
        """None if there is no threshold for such a field, or if another model has answered."""
        found = self.fields.get(kind_of(field)) if model_version == self.model_version else None
        return None if found is None else found.chance


def kind_of(field: FormField) -> str:
    """Fields of one kind share a threshold: their type, how they are read, and the checks that re-weigh their
    chances."""
    others = [name for name in ("range", "iban", "lookup") if getattr(field, name) is not None]
    return "+".join((field.type, *(["free"] if field.free else []), *sorted(field.validators), *others))


def load_thresholds(path: Path, template: Template) -> Thresholds:
    """Raises DataError if the file is none, or of another form."""
    name = printable(str(path), 200)
    try:
        found = Thresholds.model_validate_json(read_regular(path, MAX_BYTES))
    except OSError as exc:
        raise DataError(f"expected thresholds at {name}, they cannot be read ({exc.strerror}); check the path") from exc
    except ValidationError as exc:
        raise DataError(
            f"expected what `mmdigit form learn` writes in {name}, got: {validation_lines(exc)}; write it again"
        ) from exc
    if found.form != template.form:
        raise DataError(
            f"expected thresholds of form {template.form} in {name}, got those of {printable(found.form)}; use its own"
        )
    return found
