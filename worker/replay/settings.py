"""The settings of `python -m worker replay`: MMDIGIT_* variables and flags, one frozen class."""

from datetime import UTC
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.transport.urls import same_topic
from schemas.dead_letter import MAX_TIMES_DEAD, REASON_PATTERN
from schemas.identifiers import Identifier
from schemas.timestamp import Timestamp

DEFAULT_MAX_TIMES_DEAD = 3


class ReplaySettings(AccessSettings):
    """Sends dead letters back to the topic of jobs, byte for byte; run it again to continue where it ended."""

    prog: ClassVar[str] = "python -m worker replay"

    from_url: Annotated[
        str,
        Field(
            validation_alias="from",
            examples=["kafka://localhost:29092/mmdigit.jobs.dead"],
            repr=False,
            description="topic of dead letters: kafka://host:9092/topic.dead or sqlite:///file?topic=jobs.dead",
        ),
    ]
    to_url: Annotated[
        str,
        Field(
            validation_alias="to",
            examples=["kafka://localhost:29092/mmdigit.jobs"],
            repr=False,
            description="topic of jobs to send them to: kafka://host:9092/topic or sqlite:///file",
        ),
    ]
    reason: Annotated[
        str | None, Field(pattern=REASON_PATTERN, description="only dead letters of this reason; by default all")
    ] = None
    since: Annotated[
        Timestamp | None,
        Field(description="only dead letters written at or after this ISO 8601 time: 2026-01-31T12:00:00Z"),
    ] = None
    limit: Annotated[int | None, Field(ge=1, description="maximum jobs to send; run it again to continue")] = None
    max_times_dead: Annotated[
        int, Field(ge=1, le=MAX_TIMES_DEAD, description="refuse a job that has been dead-lettered this many times")
    ] = DEFAULT_MAX_TIMES_DEAD
    dry_run: Annotated[bool, Field(description="only count; send and commit nothing")] = False
    replay_group: Annotated[
        Identifier,
        Field(description="consumer group that remembers the progress of replays; a new one starts at the oldest"),
    ] = "mmdigit-replay"

    @property
    def consumer_group(self) -> str:
        """A group for each selection, so that each reads what the others skipped."""
        parts = [self.replay_group]
        if self.reason is not None:
            parts.append(self.reason)
        if self.since is not None:
            parts.append(f"since-{self.since.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}")
        if self.max_times_dead != DEFAULT_MAX_TIMES_DEAD:
            parts.append(f"max-{self.max_times_dead}")
        return ".".join(parts)

    @model_validator(mode="after")
    def _topics_differ(self) -> Self:
        if same_topic(self.from_url, self.to_url):
            raise ValueError("expected two topics, dead letters in --from and jobs in --to, got the same topic twice")
        return self
