"""The settings of every program that consumes a topic until it is stopped."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.settings.service_settings import ServiceSettings
from mmdigit.transport.urls import dead_letter_url
from schemas.identifiers import Identifier


class ConsumingSettings(ServiceSettings, AccessSettings):
    """What the loop, its health and its metrics need. Each program names its topics and its consumer group."""

    from_url: Annotated[str, Field(validation_alias="from", repr=False, description="topic to consume")]
    consumer_group: Annotated[Identifier, Field(description="consumer group; its workers share the records")]
    dead_letters: Annotated[
        str | None,
        Field(repr=False, description="topic of dead letters; by default the topic of --from with .dead appended"),
    ] = None
    instance_id: Annotated[
        Identifier | None,
        Field(description="static member of the group, which keeps its partitions over a quick restart (Kafka)"),
    ] = None
    commit_every_s: Annotated[
        float,
        Field(
            ge=0,
            le=60,
            description="seconds between commits under load; a SIGKILL repeats that much work",
        ),
    ] = 0.1
    retry_max_s: Annotated[
        float, Field(gt=0, le=300, description="longest pause between retries of a store or broker that fails")
    ] = 10.0
    stuck_after_s: Annotated[
        float, Field(gt=0, description="seconds without a turn of the loop after which /healthz fails")
    ] = 60.0
    topic_wait_s: Annotated[
        float,
        Field(
            ge=0,
            le=86400,
            description="seconds to wait at the start for a missing topic, which /readyz names; "
            "0 exits with code 2 at once",
        ),
    ] = 0.0
    stop_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="seconds after SIGTERM before the worker exits without commit, code 5; "
            "keep it below the container's stop timeout",
        ),
    ] = 50.0
    breaker_in_a_row: Annotated[
        int, Field(ge=0, description="dead letters in a row that stop the worker with exit code 4; 0 for no limit")
    ] = 100
    breaker_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="largest share of dead letters in the window before the worker stops; 1 for no limit",
        ),
    ] = 0.8
    breaker_window: Annotated[int, Field(ge=1, le=10**6, description="records in the window of --breaker-share")] = 1000
    exit_when_idle_s: Annotated[
        float | None, Field(gt=0, description="seconds without a record after which the worker exits with code 0")
    ] = None

    @property
    def largest_batch(self) -> int:
        """How many records a turn may finish."""
        return 1

    @model_validator(mode="after")
    def _breaker_lets_a_batch_through(self) -> Self:
        # A batch that opens the breaker is not written: one that always opens it would block every restart.
        limits = {"breaker_in_a_row": self.breaker_in_a_row}
        if self.breaker_share < 1:
            limits["breaker_window"] = self.breaker_window
        for name, value in limits.items():
            if 0 < value <= self.largest_batch:
                raise ValueError(
                    f"expected {name} above the size of a batch, {self.largest_batch}, got {value}; raise it"
                )
        return self

    @property
    def dead_letters_url(self) -> str:
        """The topic of dead letters. Raises SettingsError if the URL of the topic is wrong."""
        return self.dead_letters or dead_letter_url(self.from_url)
