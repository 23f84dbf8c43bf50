"""Omniglot: reads the images of some of its alphabets from its archives."""

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

from mmdigit.files.regular import open_regular
from schemas.errors import DataError

ARCHIVE, MORE = "omniglot/images_background_small1.zip", "omniglot/images_background_small2.zip"
"""Within the folder of data sets."""


def read_omniglot(folder: Path, alphabets: Collection[str], archive: str = ARCHIVE) -> list[bytes]:
    """PNG files of all characters of these alphabets, sorted by name; none if the archive is missing.

    folder: of data sets; archive: within it. Raises DataError if the archive is damaged or has none of these alphabets.
    """
    path = folder / archive
    if not path.exists():
        return []
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as unpacked:
            files = [
                unpacked.read(name)
                for name in sorted(unpacked.namelist())
                if name.endswith(".png") and any(f"{alphabet}/" in name for alphabet in alphabets)
            ]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as exc:
        raise DataError(f"expected {path} to be the Omniglot archive, got a damaged one ({exc}); restore it") from exc
    if not files:
        raise DataError(f"expected the alphabets {', '.join(alphabets)} in {path}, got none of them; restore it")
    return files
