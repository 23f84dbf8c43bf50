"""A broker that is killed, or silent; a topic that gets more partitions, or is created again. One broker holds all."""

from lab.faults.fault import Fault, Scene
from lab.faults.watch import await_last
from lab.kit.services import kafka_admin

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
    """The topic gets more partitions; workers and the producer run on, and use them."""
    scene.partitions += MORE_PARTITIONS
    admin = kafka_admin(scene.services.bootstrap)
    try:
        admin.create_partitions({scene.services.topic: scene.partitions})
    finally:
        admin.close()


def create_topic_again(scene: Scene) -> None:
    """The topic is deleted under the workers, once all that it held is answered, and created again."""
    scene.load.pause()
    await_last(scene.load, scene.watch)
    topic = scene.services.topic
    admin = kafka_admin(scene.services.bootstrap)
    try:
        admin.delete_topics([topic])
        admin.create_topics(
            {topic: {"num_partitions": scene.partitions, "replication_factor": 1}}, wait_for_metadata=True
        )
    finally:
        admin.close()
    scene.load.resume()


FAULTS = (
    Fault("broker SIGKILL and restart", 3, kill),
    Fault("broker paused 30 s", 2, pause),
    Fault("partitions added", 1, add_partitions),
    Fault("topic deleted and created again", 3, create_topic_again),
)
