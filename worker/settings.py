"""The worker's settings: MMDIGIT_* variables and flags, one frozen class."""

from typing import Annotated, ClassVar

from pydantic import Field

from mmdigit.consuming.settings import ConsumingSettings
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.settings.model import Threads, Weights
from mmdigit.telemetry.spans import OtlpEndpoint
from mmdigit.transport.urls import DEFAULT_FEED_LENGTH, DEFAULT_TTL_S
from schemas.identifiers import Identifier

JobsUrl = Annotated[
    str,
    Field(
        validation_alias="from",
        repr=False,
        examples=["kafka://localhost:29092/mmdigit.jobs"],
        description="topic of jobs: kafka://host:9092/topic or sqlite:///file",
    ),
]


class WorkerSettings(ConsumingSettings):
    """Consumes jobs in batches, predicts them, writes the predictions to the store, and only then commits.

    Two more commands, each with a --help of its own:
    `python -m worker replay` sends dead letters back to the topic of jobs;
    `python -m worker shadow` compares another model with the live one.
    """

    prog: ClassVar[str] = "python -m worker"
    usage: ClassVar[str | None] = "%(prog)s [replay | shadow] [options]"

    from_url: JobsUrl
    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            examples=["redis://localhost:6379/0"],
            repr=False,
            description="prediction store: redis(s)://host:6379/0, redis(s)+sentinel://host:26379/service/0, "
            "redis(s)+cluster://host:6379 or sqlite:///file",
        ),
    ]
    store_replicas: Annotated[
        int,
        Field(
            ge=0,
            le=16,
            description="Redis replicas that must acknowledge each prediction; with 0, a failover may lose some",
        ),
    ] = 0
    consumer_group: Annotated[Identifier, Field(description="consumer group; its workers share the jobs")] = "mmdigit"
    batch_size: Annotated[int, Field(ge=1, le=1024, description="maximum jobs in a batch")] = 64
    batch_bytes: Annotated[
        int, Field(ge=1024, description="maximum record bytes in a batch; only the last record may exceed it")
    ] = 16 * 1024 * 1024
    batch_wait_s: Annotated[
        float, Field(ge=0, le=60, description="longest time that a job waits for a fuller batch, in seconds")
    ] = 0.0
    weights: Weights = None
    threads: Threads = 1
    processes: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="processes that share the partitions of a Kafka topic; if one fails, all stop",
        ),
    ] = 1
    target_error: TargetError = DEFAULT_TARGET_ERROR
    ttl_s: Annotated[
        int, Field(ge=1, le=10 * 365 * 86_400, description="time that predictions are kept, in seconds")
    ] = DEFAULT_TTL_S
    feed_length: Annotated[int, Field(ge=1, le=10**9, description="predictions kept in the feed, approximately")] = (
        DEFAULT_FEED_LENGTH
    )
    store_json: Annotated[
        bool,
        Field(
            description="store predictions as JSON, for readers before 0.8.0 and those that know only JSON; takes five "
            "times the memory"
        ),
    ] = False
    otlp_endpoint: OtlpEndpoint = None

    @property
    def largest_batch(self) -> int:
        return self.batch_size
