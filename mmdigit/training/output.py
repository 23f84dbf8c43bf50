"""Output of the training commands: folders checked before any work begins, files replaced when they are complete."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from schemas.errors import SettingsError


def make_folder(folder: Path) -> None:
    """Make the folder if it is missing. Raises SettingsError if no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise SettingsError(
            f"expected to write to {folder}, got an error ({exc.strerror}); name another folder"
        ) from exc


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the file, or leave the old one alone if that fails."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


def log(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{line}\n")
