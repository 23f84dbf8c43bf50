"""The SQLite file's disk is full, or its writer is killed while it writes."""

from pathlib import Path
from urllib.parse import urlsplit

from lab.faults.disk import cannot_mount, fill
from lab.faults.fault import Fault, Scene
from lab.faults.worker_faults import kill

FULL_S = 6.0


def no_room(scene: Scene) -> None:
    """Not one page left, for the producer as for the worker; then there is room again."""
    hog = fill(Path(urlsplit(scene.place.store_url).path[1:]).parent)
    scene.hold(FULL_S)
    hog.unlink()


FAULTS = (
    Fault("SQLite: disk full", 3, no_room, on="small disk", workers=1, missing=cannot_mount),
    Fault("SQLite: SIGKILL while it writes", 50, kill, on="file", workers=1),
)
