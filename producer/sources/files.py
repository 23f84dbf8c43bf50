"""The samples of a folder or a manifest, as a source."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mmdigit.datasets.sample import Samples
from producer.sources.group_names import group_of_path
from producer.sources.sample import NamedSource, Sample, Unreadable, read_sample


class FileSource(NamedSource):
    """The first count samples of a folder or manifest. Reads the files of each sample only when it yields it."""

    def __init__(self, path: Path, samples: Samples, count: int | None = None) -> None:
        self._path = path
        self._samples = samples
        self._count = count

    @property
    def warnings(self) -> list[str]:
        return self._samples.warnings

    @property
    def left_out(self) -> int:
        return self._samples.left_out

    @property
    def group(self) -> str:
        return group_of_path(self._path)

    def __len__(self) -> int:
        return len(self._samples) if self._count is None else min(self._count, len(self._samples))

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        for named in islice(self._samples, self._count):
            if named.fault is not None:
                yield Unreadable(named.id or "no id", named.fault)
            else:
                yield read_sample(named.id, named.image, named.audio, named.label)
