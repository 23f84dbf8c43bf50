"""Predictions as a CSV table: columns, rows, and cells that spreadsheets and terminals treat as plain text."""

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
"""The columns of every table of predictions, in this order. A program may append its own."""

_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # Japanese spreadsheets accept the last four
_ESCAPED = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format (bidirectional marks), surrogates, line separators
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def safe_cell(text: str) -> str:
    """Escape control characters, and put ' before text that a spreadsheet would run as a formula.

    Use it for every cell with untrusted text. A number such as -5 stays unchanged. Source: OWASP, CSV Injection.
    """
    safe = text if text.isprintable() else "".join(map(_escape, text))
    return f"'{safe}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else safe


def answer_row(answer: Answer) -> dict[str, str]:
    """The cells of PREDICTION_COLUMNS except "id", which the caller adds.

    Probabilities have six decimals, reasons are joined by ";", and an absent head has empty cells.
    """
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


def _escape(character: str) -> str:
    # Not isprintable(): other scripts' spaces and characters newer than this Python must stay, for joins by id.
    if unicodedata.category(character) in _ESCAPED:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _head_cells(name: str, head: HeadAnswer | None) -> dict[str, str]:
    return {
        f"{name}_label": "" if head is None else str(head.label),
        f"{name}_confidence": "" if head is None else f"{head.confidence:.6f}",
    }
