"""`mmdigit show`: prints one job, the counts of a group, or the newest predictions from the store, as JSON lines."""

import json
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from mmdigit.settings.access import Access
from mmdigit.settings.access_settings import RedisAccessSettings
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.errors import MmdigitError
from schemas.identifiers import Identifier
from schemas.prediction import Prediction

_PAGE = 1000


class ShowSettings(RedisAccessSettings):
    """Prints from the store, as JSON: one job (`mmdigit show JOB`), counts of a group, or the newest predictions."""

    prog: ClassVar[str] = "mmdigit show"

    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            examples=["redis://localhost:6379/0"],
            repr=False,
            description="prediction store, read only: redis(s)://host:6379/0 or sqlite:///file",
        ),
    ]
    job: CliPositionalArg[
        Annotated[
            Identifier | None,
            Field(description="id of a job: prints its prediction, or why it is a dead letter; exit 1 if neither"),
        ]
    ] = None
    group: Annotated[
        Identifier | None, Field(description="name of a group: prints how many of its jobs are done and dead")
    ] = None
    feed: Annotated[
        int | None, Field(ge=1, le=100_000, description="prints this many of the newest predictions, oldest first")
    ] = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.job, self.group, self.feed].count(None) != 2:
            raise ValueError("expected one of JOB, --group and --feed")
        return self

    def run(self) -> int:
        """Print one JSON object a line, in ASCII. Returns 0.

        Raises MmdigitError (exit code 1) if the store has nothing about the job or the group.
        """
        with open_store(self.store_url, access=Access(redis=self.redis_access), create=False) as store:
            if self.job is not None:
                lines: Iterable[str] = [_job_line(store, self.job)]
            elif self.group is not None:
                lines = [_group_line(store, self.group)]
            else:
                lines = map(_to_json, newest(store, self.feed or 1))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0


def newest(store: PredictionStore, count: int) -> list[Prediction]:
    """The last predictions of the feed, oldest first."""
    last: deque[Prediction] = deque(maxlen=count)
    position = ""
    while page := store.feed(position, _PAGE):
        last.extend(prediction for _, prediction in page)
        position = page[-1][0]
    return list(last)


def _job_line(store: PredictionStore, job_id: str) -> str:
    [prediction] = store.get([job_id])
    if prediction is not None:
        return _to_json(prediction)
    [reason] = store.dead_letter_reasons([job_id])
    if reason is None:
        raise MmdigitError(
            f"expected the outcome of job {job_id}, got none; it is not processed yet, has expired, or is in "
            "another store"
        )
    return json.dumps({"job_id": job_id, "dead_letter_reason": reason})


def _group_line(store: PredictionStore, group: str) -> str:
    counts = asdict(store.counts(group))
    if not any(counts.values()):
        raise MmdigitError(
            f"expected outcomes of group {group}, got none; its jobs are not processed yet, have expired, or are in "
            "another store"
        )
    return json.dumps({"group": group, **counts})


def _to_json(prediction: Prediction) -> str:
    # json, not pydantic: it escapes characters that a terminal would act on.
    return json.dumps(prediction.model_dump(mode="json", exclude_none=True))
