"""Finds the file that a cell names, in whichever spelling its program used."""

import os
import unicodedata
from pathlib import Path

_MAX_PARTS = 64


def locate(folder: Path, cell: str) -> Path:
    """The file that cell names, absolute or relative to folder. If there is none, the path as cell spells it.

    Tries the cell's own spelling first, then: another Unicode normalization (macOS writes u and a diaeresis where
    others write one character), backslashes between folders (Windows), surrounding spaces, and Windows-1252 bytes,
    which are surrogates in cell (errors="surrogateescape"). Percent signs are not decoded.
    """
    for spelling in _spellings(cell):
        found = folder / spelling
        if os.path.lexists(found):
            return found
        if not str(found).isascii() and (normalized := _normalized(folder, spelling)) is not None:
            return normalized
    return folder / cell.strip()


def is_not_utf8(cell: str) -> bool:
    """Whether cell holds a byte that is not UTF-8: a surrogate, by errors="surrogateescape"."""
    return not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell)


def _spellings(cell: str) -> dict[str, None]:
    words = [cell.strip(), cell]
    if is_not_utf8(cell):
        words.append(cell.strip().encode("utf-8", "surrogateescape").decode("cp1252", "replace"))
    return dict.fromkeys(spelling for word in words for spelling in (word, word.replace("\\", "/")))


def _normalized(folder: Path, path: str) -> Path | None:
    """path with each part in the normalization that exists, None if a part does not exist."""
    parts = Path(path).parts
    if len(parts) > _MAX_PARTS:
        return None
    place = folder
    for part in parts:
        spellings = dict.fromkeys([part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD"))])
        found = next((place / spelling for spelling in spellings if os.path.lexists(place / spelling)), None)
        if found is None:
            return None
        place = found
    return place
