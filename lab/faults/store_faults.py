"""Faults of Redis: it is killed, paused, full or read-only."""

from lab.faults.fault import Context, Fault

PAUSED_S = 30.0
HELD_S = 8.0
_UNREACHABLE = ("127.0.0.1", 1)
"""A primary that never answers: the replica keeps its data and refuses writes."""


def fill(context: Context) -> None:
    """Leave no memory and evict nothing; then lift the limit."""
    context.services.redis.config_set("maxmemory-policy", "noeviction")
    context.services.redis.config_set("maxmemory", "1mb")
    context.hold(HELD_S)
    context.services.redis.config_set("maxmemory", "0")


def demote(context: Context) -> None:
    """Make it a read-only replica, as in a failover, and then a primary again."""
    context.services.redis.replicaof(*_UNREACHABLE)
    context.hold(HELD_S)
    context.services.redis.replicaof("NO", "ONE")


FAULTS = (
    Fault("Redis SIGKILL and restart", 5, lambda context: context.services.restart_store()),
    Fault("Redis paused 30 s", 2, lambda context: context.pause(context.services.store, PAUSED_S)),
    Fault("Redis full", 3, fill),
    Fault("Redis a read-only replica", 3, demote),
)
