"""A source of the samples that a manifest or a folder names."""

from collections.abc import Iterator
from pathlib import Path

from mmdigit.datasets.sample import Samples
from producer.sources.group_names import group_of_path
from producer.sources.sample import Sample, Unreadable, read_sample


class FileSource:
    """Reads the files of each sample only when it yields it."""

    def __init__(self, path: Path, samples: Samples) -> None:
        self._path = path
        self._samples = samples

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
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        for named in self._samples:
            if named.fault is not None:
                yield Unreadable(named.id or "no id", named.fault)
            else:
                yield read_sample(named.id, named.image, named.audio, named.label)
