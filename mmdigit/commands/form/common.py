"""What the commands of `mmdigit form` share."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr
from pydantic_settings import CliPositionalArg

from schemas.errors import DataError, SettingsError
from schemas.printable import printable

if TYPE_CHECKING:
    from mmdigit.forms.store.ports import PageStore
    from mmdigit.forms.template.template import Template

TemplateFile = CliPositionalArg[
    Annotated[Path, Field(examples=["form.yaml"], description="the form, as `mmdigit form new` writes one")]
]
TemplateFlag = Annotated[Path, Field(examples=["form.yaml"], description="the form that was printed")]
ThresholdsFile = Annotated[
    Path | None, Field(description="thresholds that `mmdigit form learn` has written; by default the target errors")
]
QueueLength = Annotated[int, Field(ge=1, le=1_000_000, description="fields in the queue, at most")]
Person = Annotated[str | None, Field(min_length=1, max_length=100, description="who has looked, for the log")]


def require_one_way(out: Path | None, back: Path | None, by: str | None, name: str) -> None:
    """Raise ValueError unless a queue is either written, or read back with who says so. name: of the reading flag."""
    if (out is None) == (back is None):
        raise ValueError(f"expected --output or else --{name}")
    if (by is None) != (back is None):
        raise ValueError(f"expected --{name} and --by together, got one of them")


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


@contextmanager
def open_kept(url: str, password: SecretStr | None, template: "Template") -> Iterator["PageStore"]:
    """The database, which must be there, with pages of the template in it.

    Raises SettingsError if there is no database, DataError if it holds the form's pages under other versions of its
    template alone.
    """
    from mmdigit.forms.store.sql_store import open_page_store

    with open_page_store(url, password, create=False) as store:
        if not store.counts(template.digest).pages and (others := store.other_versions(template.form, template.digest)):
            raise DataError(
                f"expected pages of this version of form {template.form}, got {count(others, 'page')} of other "
                "versions; name the form.yaml that they were read with, or read the scans with this one"
            )
        yield store


def shown(path: Path) -> str:
    """A path for a message."""
    return printable(str(path), 200)


def count(number: int, one: str, more: str = "") -> str:
    """1 page, 2,000 pages; more: the plural, if it is not one + s."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
