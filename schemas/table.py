"""Predictions as a CSV table: its columns, a row of it, cells that no spreadsheet runs as a formula, and its file."""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from schemas.errors import DataError
from schemas.files import kind_of
from schemas.prediction import Answer, HeadAnswer
from schemas.printable import printable

PREDICTION_COLUMNS = (
    "id",
    "label",
    "confidence",
    "decision",
    "reasons",
    "image_label",
    "image_confidence",
    "audio_label",
    "audio_confidence",
    "novelty",
    "model_version",
)
"""The columns of every table of predictions, in this order; a program may add its own after them."""

_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four as Japanese spreadsheets take them
_ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format (bidirectional marks), not UTF-8, line and paragraph ends
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def safe_cell(text: str) -> str:
    """text, with what a terminal would act on escaped, and a ' before it where a spreadsheet would run it as a formula.

    For every cell that holds text from outside. A plain number, such as -5, stays one. Source: OWASP, CSV Injection.
    """
    safe = text if text.isprintable() else "".join(map(_inert, text))
    return f"'{safe}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else safe


def answer_row(answer: Answer) -> dict[str, str]:
    """The cells of PREDICTION_COLUMNS but for "id", which the caller adds: probabilities to six places, reasons
    joined by ";", empty cells for a head that did not answer."""
    return {
        "label": str(answer.label),
        "confidence": f"{answer.confidence:.6f}",
        "decision": answer.decision,
        "reasons": ";".join(answer.reasons),
        **_head_cells("image", answer.image),
        **_head_cells("audio", answer.audio),
        "novelty": f"{answer.novelty:.6f}",
        "model_version": safe_cell(answer.model_version),
    }


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of path when the block ends well; until then, and if not, path stays as it is.

    A symbolic link keeps pointing where it does. Raises DataError if the file cannot be written, or if path is there
    and no plain file (a device, a folder).
    """
    target = require_replaceable(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a process of that number that was killed
        # x: not through a link that somebody has put there.
        with partial.open("x", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(target)
    except OSError as exc:
        raise DataError(
            f"expected to write {printable(str(path), 200)}, its folder refuses ({exc.strerror}); check --output"
        ) from exc
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def require_replaceable(path: Path) -> Path:
    """Where path leads, links followed. Raises DataError if no file can be written there: it is not a plain file, or
    its folder does not exist."""
    shown = printable(str(path), 200)
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise DataError(
                f"expected a plain file, or none yet, at {shown}, got {kind_of(target.stat().st_mode)}; "
                "name another --output"
            )
        if not target.parent.is_dir():
            raise DataError(
                f"expected to write {shown}, its folder refuses (it does not exist); make it first, or check --output"
            )
    except (OSError, ValueError, RuntimeError) as exc:  # ValueError: a NUL in the name; RuntimeError: a circle of links
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise DataError(f"expected a file name, got {shown} ({why}); check --output") from exc
    return target


def _inert(character: str) -> str:
    # Not isprintable: a space of another script, or a character newer than this Python, must stay for a join by id.
    if unicodedata.category(character) in _ACTING:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _head_cells(name: str, head: HeadAnswer | None) -> dict[str, str]:
    return {
        f"{name}_label": "" if head is None else str(head.label),
        f"{name}_confidence": "" if head is None else f"{head.confidence:.6f}",
    }
