"""Predictions as a CSV table: its columns, a row of it, cells that no spreadsheet runs as a formula, and its file."""

import re
import unicodedata

from schemas.prediction import Answer, HeadAnswer

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
