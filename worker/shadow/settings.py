"""The settings of `python -m worker shadow`: MMDIGIT_* variables and flags, one frozen class."""

from datetime import UTC
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.settings.access_settings import AccessSettings
from mmdigit.settings.model import Threads
from schemas.identifiers import Identifier
from schemas.timestamp import Timestamp
from worker.settings import JobsUrl


class ShadowSettings(AccessSettings):
    """Answers jobs that live workers answer, compares, and writes nothing; run it again to continue."""

    prog: ClassVar[str] = "python -m worker shadow"

    from_url: JobsUrl
    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            examples=["redis://localhost:6379/0"],
            repr=False,
            description="store of the live predictions, only read: redis(s)[+sentinel|+cluster]:// or sqlite:///file",
        ),
    ]
    weights: Annotated[Path | None, Field(description="model file under test; by default the shipped one")] = None
    threads: Threads = 1
    target_error: TargetError = DEFAULT_TARGET_ERROR
    batch_size: Annotated[int, Field(ge=1, le=1024, description="maximum jobs in a batch")] = 32
    since: Annotated[
        Timestamp | None,
        Field(description="only jobs sent at or after this ISO 8601 time: 2026-01-31T12:00:00Z"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=10**7, description="maximum jobs to compare")] = 10_000
    live_wait_s: Annotated[
        float, Field(ge=0, le=3600, description="longest time that a batch waits for the live outcomes, in seconds")
    ] = 30.0
    max_differing: Annotated[
        float,
        Field(gt=0, lt=1, description="largest share of jobs with another digit, or none; shown with 95 % confidence"),
    ] = 0.001
    max_redecided: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            description="largest share of jobs that move from accept to review or back; shown with 95 % confidence",
        ),
    ] = 0.01
    examples: Annotated[int, Field(ge=0, le=1000, description="maximum differences to show")] = 10
    as_json: Annotated[bool, Field(validation_alias="json", description="print one JSON object instead of a table")] = (
        False
    )
    shadow_group: Annotated[
        Identifier,
        Field(description="consumer group that remembers the progress of shadows; a new one starts at the oldest"),
    ] = "mmdigit-shadow"

    def consumer_group(self, version: str, model_version: str) -> str:
        """A group for each version and model under test, and for each --since."""
        parts = [self.shadow_group, version, model_version]
        if self.since is not None:
            parts.append(f"since-{self.since.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}")
        return ".".join(parts)
