"""Opens the source that --from names: a folder, a CSV manifest, or pairs:DIR."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mmdigit.datasets.open_samples import open_samples
from producer.files import FileSource
from producer.pairs import PairsSource
from producer.sample import NamedSource, Sample, Unreadable
from producer.settings import Split

PAIRS_PREFIX = "pairs:"


def open_source(text: str, *, count: int | None, seed: int, split: Split, recursive: bool = False) -> NamedSource:
    """The source that text names, limited to count samples.

    recursive: read the folders inside a folder too.
    Raises DataError, in one line, if the source is missing, empty or wrong as a whole. A sample that cannot be read is
    yielded as Unreadable instead.
    """
    if text.startswith(PAIRS_PREFIX):
        return PairsSource.open(Path(text.removeprefix(PAIRS_PREFIX)), split, seed, count)
    path = Path(text)
    source = FileSource(path, open_samples(path, recursive=recursive))
    return source if count is None or count >= len(source) else FirstOf(source, count)


class FirstOf:
    """The first samples of a source."""

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
