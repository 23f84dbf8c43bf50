"""A Redis that is killed, silent, full, or read-only."""

from lab.faults.fault import Fault, Scene

PAUSED_S = 30.0
HELD_S = 8.0
_NOBODY = ("127.0.0.1", 1)
"""A primary that never answers: the replica keeps what it has, and refuses writes."""


def kill(scene: Scene) -> None:
    """SIGKILL, and a start on its own log; over when it has loaded it."""
    scene.services.store.kill()
    scene.services.store.start()
    scene.services.await_store()


def pause(scene: Scene) -> None:
    """The server stands still; connections stay open."""
    scene.services.store.pause()
    scene.hold(PAUSED_S)
    scene.services.store.unpause()


def fill(scene: Scene) -> None:
    """No memory left, nothing evicted; then there is room again."""
    scene.services.redis.config_set("maxmemory-policy", "noeviction")
    scene.services.redis.config_set("maxmemory", "1mb")
    scene.hold(HELD_S)
    scene.services.redis.config_set("maxmemory", "0")


def demote(scene: Scene) -> None:
    """It becomes a read-only replica, as in a failover, and then a primary again."""
    scene.services.redis.replicaof(*_NOBODY)
    scene.hold(HELD_S)
    scene.services.redis.replicaof("NO", "ONE")


FAULTS = (
    Fault("Redis SIGKILL and restart", 5, kill),
    Fault("Redis paused 30 s", 2, pause),
    Fault("Redis full", 3, fill),
    Fault("Redis a read-only replica", 3, demote),
)
