"""Opens the source that --from names: a folder, a CSV manifest, or pairs:DIR."""

from pathlib import Path

from mmdigit.datasets.opening import open_samples
from producer.settings import Split
from producer.sources.files import FileSource
from producer.sources.pairs import PairsSource
from producer.sources.sample import NamedSource

PAIRS_PREFIX = "pairs:"


def open_source(text: str, *, count: int | None, seed: int, split: Split, recursive: bool = False) -> NamedSource:
    """The source that text names, with at most count samples. recursive: include the folders inside a folder.

    Raises DataError if the source is missing, empty or invalid as a whole. An invalid sample is yielded as Unreadable.
    """
    if text.startswith(PAIRS_PREFIX):
        return PairsSource.open(Path(text.removeprefix(PAIRS_PREFIX)), split, seed, count)
    path = Path(text)
    return FileSource(path, open_samples(path, recursive=recursive), count)
