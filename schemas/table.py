"""Predictions as a CSV table: its columns, a row of it, and cells that no spreadsheet runs as a formula."""

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

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(text: str) -> str:
    """text, with a ' before it where a spreadsheet would run it as a formula.

    For every cell that holds text from outside. Source: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


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


def _head_cells(name: str, head: HeadAnswer | None) -> dict[str, str]:
    return {
        f"{name}_label": "" if head is None else str(head.label),
        f"{name}_confidence": "" if head is None else f"{head.confidence:.6f}",
    }
