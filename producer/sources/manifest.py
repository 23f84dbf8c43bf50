"""A CSV manifest as a source."""

from pathlib import Path
from typing import Self

from mmdigit.datasets.manifest import Manifest
from producer.sources.files import FileSource


class ManifestSource(FileSource):
    """The samples of a manifest, row by row; mmdigit.datasets.manifest defines the format."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises DataError as Manifest.open does."""
        return cls(path, Manifest.open(path))
