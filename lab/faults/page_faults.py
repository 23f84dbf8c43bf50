"""Faults of the page worker: it, the broker or the forms' database is killed; records that are no pages."""

from lab.faults.fault import PageFault, Scene
from lab.faults.worker_faults import kill, terminate

PAUSED_S = 15.0


def pause_database(scene: Scene) -> None:
    """Freeze PostgreSQL for longer than an attempt waits."""
    scene.pause(scene.services.database, PAUSED_S)


def nothing(_scene: Scene) -> None:
    """The fault is in the records."""


FAULTS = (
    PageFault("page worker SIGKILL", 3, kill),
    PageFault("page worker SIGTERM", 3, terminate, no_duplicates=True),
    PageFault("page worker: broker SIGKILL and restart", 2, lambda scene: scene.services.restart_broker()),
    PageFault("page worker: PostgreSQL SIGKILL and restart", 2, lambda scene: scene.services.restart_database()),
    PageFault("page worker: PostgreSQL paused 15 s", 2, pause_database),
    PageFault("page worker: one record in three is no page", 2, nothing, no_duplicates=True, foreign_every=3),
)
