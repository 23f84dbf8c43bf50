"""A broker that is killed, or silent, or gets more partitions; one broker holds everything here."""

from faults.fault import Fault, Scene
from tests.services import kafka_admin

PAUSED_S = 30.0
MORE_PARTITIONS = 4


def kill(scene: Scene) -> None:
    """SIGKILL, and a start on its own files; over when it answers."""
    scene.services.broker.kill()
    scene.services.broker.start()
    scene.services.await_broker()


def pause(scene: Scene) -> None:
    """Every process of the broker stands still; connections stay open."""
    scene.services.broker.pause()
    scene.hold(PAUSED_S)
    scene.services.broker.unpause()


def add_partitions(scene: Scene) -> None:
    """The topic gets more partitions, and the producer, started anew, uses them."""
    scene.partitions += MORE_PARTITIONS
    admin = kafka_admin(scene.services.bootstrap)
    try:
        admin.create_partitions({scene.services.topic: scene.partitions})
    finally:
        admin.close()
    scene.load.reopen()


FAULTS = (
    Fault("broker SIGKILL and restart", 3, kill),
    Fault("broker paused 30 s", 2, pause),
    Fault("partitions added", 1, add_partitions),
)
