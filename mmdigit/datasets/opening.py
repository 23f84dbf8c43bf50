"""Opens what a user names: a folder of samples or a CSV manifest."""

import os
from pathlib import Path

from mmdigit.datasets.folder import Folder
from mmdigit.datasets.manifest import Manifest
from mmdigit.datasets.sample import Samples


def open_samples(path: Path, *, recursive: bool = False) -> Samples:
    """recursive: read the folders inside a folder too. Raises DataError as Folder.open and Manifest.open do."""
    # os.path.isdir never raises: if the path cannot be examined, the manifest reader reports why.
    return Folder.open(path, recursive=recursive) if os.path.isdir(path) else Manifest.open(path)
