"""Faults of Kafka: the broker is killed or paused; the topic gets more partitions or is created again."""

from lab.faults.fault import Context, Fault
from lab.faults.watch import await_outcomes_of
from lab.kit.services import kafka_admin

PAUSED_S = 30.0
MORE_PARTITIONS = 4


def add_partitions(context: Context) -> None:
    """Add partitions to the topic; the workers and the producer start to use them."""
    context.partitions += MORE_PARTITIONS
    admin = kafka_admin(context.services.bootstrap)
    try:
        admin.create_partitions({context.services.topic: context.partitions})
    finally:
        admin.close()


def create_topic_again(context: Context) -> None:
    """Once every job has an outcome, delete the topic while the workers consume it, and create it again."""
    context.load.pause()
    await_outcomes_of(context.load, context.watch)
    topic = context.services.topic
    admin = kafka_admin(context.services.bootstrap)
    try:
        admin.delete_topics([topic])
        admin.create_topics(
            {topic: {"num_partitions": context.partitions, "replication_factor": 1}}, wait_for_metadata=True
        )
    finally:
        admin.close()
    context.load.resume()


FAULTS = (
    Fault("broker SIGKILL and restart", 3, lambda context: context.services.restart_broker()),
    Fault("broker paused 30 s", 2, lambda context: context.pause(context.services.broker, PAUSED_S)),
    Fault("partitions added", 1, add_partitions),
    Fault("topic deleted and created again", 3, create_topic_again),
)
