"""What the commands of `mmdigit form` share."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import CliPositionalArg

from schemas.errors import SettingsError
from schemas.printable import printable

TemplateFile = CliPositionalArg[
    Annotated[Path, Field(examples=["form.yaml"], description="the form, as `mmdigit form new` writes one")]
]
TemplateFlag = Annotated[Path, Field(examples=["form.yaml"], description="the form that was printed")]
ThresholdsFile = Annotated[
    Path | None, Field(description="thresholds that `mmdigit form learn` has written; by default the target errors")
]
QueueLength = Annotated[int, Field(ge=1, le=1_000_000, description="fields in the queue, at most")]
Person = Annotated[str | None, Field(min_length=1, max_length=100, description="who has looked, for the log")]


def need_forms() -> None:
    """Raise SettingsError if the extra `forms` is not installed."""
    needed = (
        "yaml",
        "reportlab",
        "segno",
        "zxingcpp",
        "pypdfium2",
        "stdnum",
        "sqlalchemy",
        "psycopg",
        "pyarrow",
        "fsspec",
    )
    if any(find_spec(name) is None for name in needed):
        raise SettingsError(
            "expected the packages that read forms, got one or more not installed; run `pip install 'mmdigit[forms]'`"
        )


def shown(path: Path) -> str:
    """A path for a message."""
    return printable(str(path), 200)


def count(number: int, one: str, more: str = "") -> str:
    """1 page, 2,000 pages; more: the plural, if it is not one + s."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
