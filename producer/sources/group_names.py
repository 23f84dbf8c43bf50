"""Default group names: made from where the source lies, so that a repeated run has the same."""

import hashlib
import re
from pathlib import Path

_NOT_IN_AN_IDENTIFIER = re.compile(r"[^A-Za-z0-9._-]+")


def group_of_path(path: Path) -> str:
    """The stem of the path with a hash of where it lies; moved elsewhere, it is another group."""
    place = path.resolve()
    word = _NOT_IN_AN_IDENTIFIER.sub("-", place.stem).strip("._-")[:40] or "jobs"
    return f"{word}-{hashlib.sha256(bytes(place)).hexdigest()[:12]}"
