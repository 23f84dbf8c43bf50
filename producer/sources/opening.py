"""Opens the source that --from names: a folder, a CSV manifest, or pairs:DIR."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mmdigit.datasets.folder import Folder
from producer.settings import Split
from producer.sources.files import FileSource
from producer.sources.manifest import ManifestSource
from producer.sources.pairs import PairsSource
from producer.sources.sample import NamedSource, Sample, Unreadable, why
from schemas.errors import DataError
from schemas.printable import printable

PAIRS_PREFIX = "pairs:"


def open_source(text: str, *, count: int | None, seed: int, split: Split, recursive: bool = False) -> NamedSource:
    """The source that text names, with at most count samples. recursive: include the folders inside a folder.

    Raises DataError if the source is missing, empty or invalid as a whole. An invalid sample is yielded as Unreadable.
    """
    if text.startswith(PAIRS_PREFIX):
        return PairsSource.open(Path(text.removeprefix(PAIRS_PREFIX)), split, seed, count)
    path = Path(text)
    try:
        source: NamedSource
        if path.is_dir():
            source = FileSource(path, Folder.open(path, recursive=recursive))
        elif path.exists():
            source = ManifestSource.open(path)
        else:
            raise DataError(
                f"expected a folder, a CSV manifest or pairs:DIR, got {printable(text, 200)}, which does not exist"
            )
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"cannot read {printable(text, 200)}: {why(error)}") from error
    return source if count is None or count >= len(source) else FirstSamples(source, count)


class FirstSamples:
    """A source cut to its first samples."""

    def __init__(self, source: NamedSource, count: int) -> None:
        self._source = source
        self._count = count

    @property
    def warnings(self) -> list[str]:
        return self._source.warnings

    @property
    def left_out(self) -> int:
        return self._source.left_out

    @property
    def group(self) -> str:
        return self._source.group

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        return islice(self._source, self._count)
