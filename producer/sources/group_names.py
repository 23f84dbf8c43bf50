"""Derives the default group from the path of the source, so that a repeated run has the same group."""

import hashlib
import re
from pathlib import Path

_INVALID_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")


def group_of_path(path: Path) -> str:
    """The stem of the path and a hash of the absolute path: a moved source is another group."""
    absolute = path.resolve()
    stem = _INVALID_CHARACTERS.sub("-", absolute.stem).strip("._-")[:40] or "jobs"
    return f"{stem}-{hashlib.sha256(bytes(absolute)).hexdigest()[:12]}"
