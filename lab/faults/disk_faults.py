"""Faults of the SQLite file: its disk is full, or its writer is killed while it writes."""

from pathlib import Path
from urllib.parse import urlsplit

from lab.faults.disk import cannot_mount, fill
from lab.faults.fault import Context, Fault
from lab.faults.worker_faults import kill

FULL_S = 6.0


def fill_disk(context: Context) -> None:
    """Leave not one page, for producer and worker; then free the space."""
    filler = fill(Path(urlsplit(context.urls.store_url).path[1:]).parent)
    context.hold(FULL_S)
    filler.unlink()


FAULTS = (
    Fault("SQLite: disk full", 3, fill_disk, on="small disk", workers=1, unavailable=cannot_mount),
    Fault("SQLite: SIGKILL while it writes", 50, kill, on="file", workers=1),
)
