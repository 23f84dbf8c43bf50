"""Faults of the gateway: it is killed, or the broker or the store is away."""

from lab.faults.fault import GatewayFault, Scene
from lab.faults.worker_faults import kill, terminate

PAUSED_S = 15.0


def pause_broker(scene: Scene) -> None:
    """Freeze Kafka for longer than a request waits."""
    scene.pause(scene.services.broker, PAUSED_S)


def pause_store(scene: Scene) -> None:
    """Freeze Redis for longer than a request waits."""
    scene.pause(scene.services.store, PAUSED_S)


FAULTS = (
    GatewayFault("gateway SIGKILL", 20, kill),
    GatewayFault("gateway SIGTERM", 3, terminate),
    GatewayFault("gateway: broker SIGKILL and restart", 2, lambda scene: scene.services.restart_broker()),
    GatewayFault("gateway: broker paused 15 s", 2, pause_broker, refused=True),
    GatewayFault("gateway: Redis SIGKILL and restart", 2, lambda scene: scene.services.restart_store()),
    GatewayFault("gateway: Redis paused 15 s", 2, pause_store, refused=True),
)
