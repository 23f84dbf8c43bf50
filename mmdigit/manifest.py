"""A CSV manifest for `mmdigit predict`: a header with id, image, audio and label, then a row for each sample."""

import csv
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import DataError
from schemas.printable import printable

LABELS = tuple("0123456789")
MAX_ID_CHARACTERS = 200


@dataclass(frozen=True)
class Row:
    """One sample of a manifest. fault: why it cannot be read, or None."""

    line: int
    id: str
    image: Path | None
    audio: Path | None
    label: int | None
    fault: str | None = None


def read_manifest(path: Path) -> list[Row]:
    """All rows, in order; paths relative to the manifest's folder, either may be empty. Other columns are ignored.

    Raises DataError if the file cannot be read, is not UTF-8 CSV, lacks a column or rows, or gives one id twice.
    """
    try:
        rows = list(_rows(path))
    except OSError as exc:
        raise DataError(f"expected a manifest at {path}, it cannot be read ({exc.strerror}); check --manifest") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise DataError(f"expected {path} to be comma-separated text in UTF-8: {exc}; save it as CSV UTF-8") from exc
    if not rows:
        raise DataError(f"expected at least one row in {path}, there is only a header; add a row for each sample")
    seen: dict[str, int] = {}
    for row in rows:
        if row.id and row.id in seen:
            raise DataError(
                f"expected each id once in {path}, {printable(row.id)} stands in lines {seen[row.id]} and {row.line}; "
                "make the ids unique"
            )
        seen[row.id] = row.line
    return rows


def _rows(path: Path) -> Iterator[Row]:
    # utf-8-sig: spreadsheets put a byte order mark before the header.
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, strict=True)
        columns = {name.strip() for name in table.fieldnames or ()}
        if "id" not in columns or not columns & {"image", "audio"}:
            raise DataError(
                f"expected the columns id,image,audio,label in {path}, "
                f"{printable(','.join(sorted(columns))) or 'none'} came; add a header line"
            )
        for cells in table:
            # A surplus cell has the key None; a missing one the value None.
            clean = {(name or "").strip(): (value or "").strip() for name, value in cells.items() if name is not None}
            yield _row(path.parent, table.line_num, clean, surplus=None in cells)


def _row(folder: Path, line: int, cells: dict[str, str], surplus: bool) -> Row:
    label, image, audio = cells.get("label", ""), cells.get("image", ""), cells.get("audio", "")
    fault = None
    if surplus:
        fault = "it has more cells than the header"
    elif not cells["id"] or len(cells["id"]) > MAX_ID_CHARACTERS:
        fault = f"expected an id of 1 to {MAX_ID_CHARACTERS} characters, {len(cells['id'])} came"
    elif not image and not audio:
        fault = "expected an image, an audio file or both, neither is named"
    elif label and label not in LABELS:
        fault = f"expected a label from 0 to 9 or none, {printable(label, 20)} came"
    return Row(
        line=line,
        id=cells["id"][:MAX_ID_CHARACTERS],
        image=folder / image if image else None,
        audio=folder / audio if audio else None,
        label=int(label) if label in LABELS else None,
        fault=fault,
    )


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a plain file, one more than max_bytes at most, so that the decoders can refuse what is too large.

    Raises DataError if it is missing, no plain file or not readable.
    """
    shown = printable(str(path), 200)
    try:
        # Before opening it: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"expected a file at {shown}, something else is there; check the path")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as exc:
        raise DataError(f"expected a file at {shown}, it cannot be read ({exc.strerror}); check the path") from exc
    except ValueError as exc:  # a NUL in the name
        raise DataError(f"expected a file name, {shown} came; check the path") from exc
