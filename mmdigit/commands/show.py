"""`mmdigit show`: what the store holds of one job, of a group, or of the newest jobs, as lines of JSON."""

import json
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.errors import MmdigitError
from schemas.identifiers import Identifier
from schemas.prediction import Prediction

_PAGE = 1000


class ShowSettings(AccessSettings):
    """Prints what the store holds as JSON: of one job (`mmdigit show JOB`), of a group, or of the newest jobs."""

    prog: ClassVar[str] = "mmdigit show"

    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            examples=["redis://localhost:6379/0"],
            repr=False,
            description="prediction store, only read: redis(s)://host:6379/0 or sqlite:///file",
        ),
    ]
    job: CliPositionalArg[
        Annotated[
            Identifier | None,
            Field(description="id of a job: its prediction, or why it is a dead letter; exit 1 if none"),
        ]
    ] = None
    group: Annotated[Identifier | None, Field(description="name of a group: how many of it are done and dead")] = None
    feed: Annotated[
        int | None, Field(ge=1, le=100_000, description="so many predictions that were stored last, oldest first")
    ] = None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if [self.job, self.group, self.feed].count(None) != 2:
            raise ValueError("give one of JOB, --group and --feed")
        return self

    def run(self) -> int:
        """Print what was asked for, one JSON object a line, in ASCII. Returns 0.

        Raises MmdigitError (exit code 1) for a job or a group of which the store holds nothing.
        """
        with open_store(self.store_url, access=self.access, create=False) as store:
            if self.job is not None:
                found: Iterable[str] = [_of_job(store, self.job)]
            elif self.group is not None:
                found = [_of_group(store, self.group)]
            else:
                found = map(_shown, newest(store, self.feed or 1))
        sys.stdout.writelines(f"{line}\n" for line in found)
        return 0


def newest(store: PredictionStore, count: int) -> list[Prediction]:
    """The last of the feed, oldest first."""
    last: deque[Prediction] = deque(maxlen=count)
    position = ""
    while page := store.feed(position, _PAGE):
        last.extend(prediction for _, prediction in page)
        position = page[-1][0]
    return list(last)


def _of_job(store: PredictionStore, job_id: str) -> str:
    [prediction] = store.get([job_id])
    if prediction is not None:
        return _shown(prediction)
    [reason] = store.dead_letter_reasons([job_id])
    if reason is None:
        raise MmdigitError(
            f"expected the outcome of job {job_id}, got none; it is not answered yet, has expired, or is in "
            "another store"
        )
    return json.dumps({"job_id": job_id, "dead_letter_reason": reason})


def _of_group(store: PredictionStore, group: str) -> str:
    counts = asdict(store.counts(group))
    if not any(counts.values()):
        raise MmdigitError(
            f"expected outcomes of group {group}, got none; none of its jobs is answered yet, all have expired, or "
            "they are in another store"
        )
    return json.dumps({"group": group, **counts})


def _shown(prediction: Prediction) -> str:
    # json, not pydantic: what a terminal would act on is escaped.
    return json.dumps(prediction.model_dump(mode="json", exclude_none=True))
