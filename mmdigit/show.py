"""`mmdigit show`: what the store holds of one job, of a group, or of the newest jobs, as lines of JSON."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from schemas.identifiers import Identifier
from schemas.prediction import Prediction
from transport.access import AccessSettings
from transport.ports import PredictionStore
from transport.urls import open_store

_PAGE = 1000


class ShowSettings(AccessSettings):
    """Prints what the store holds as JSON: of one job (`mmdigit show JOB_ID`), of a group, or of the newest jobs."""

    prog: ClassVar[str] = "mmdigit show"

    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            repr=False,
            description="prediction store, only read: redis(s)://host:6379/0 or sqlite:///file",
        ),
    ]
    job: Annotated[
        Identifier | None, Field(description="id of a job: its prediction, or why it is a dead letter; exit 1 if none")
    ] = None
    group: Annotated[Identifier | None, Field(description="name of a group: how many of it are done and dead")] = None
    feed: Annotated[
        int | None, Field(ge=1, le=100_000, description="so many predictions that were stored last, oldest first")
    ] = None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if [self.job, self.group, self.feed].count(None) != 2:
            raise ValueError("give one of JOB_ID, --group and --feed")
        return self


def lines(settings: ShowSettings) -> Iterator[str]:
    """What was asked for, one JSON object a line, in ASCII; nothing of a job without an outcome."""
    with open_store(settings.store_url, access=settings.access, create=False) as store:
        if settings.job is not None:
            yield from _of_job(store, settings.job)
        elif settings.group is not None:
            yield json.dumps({"group": settings.group, **asdict(store.counts(settings.group))})
        else:
            yield from map(_shown, newest(store, settings.feed or 1))


def newest(store: PredictionStore, count: int) -> list[Prediction]:
    """The last of the feed, oldest first."""
    last: deque[Prediction] = deque(maxlen=count)
    position = ""
    while page := store.feed(position, _PAGE):
        last.extend(prediction for _, prediction in page)
        position = page[-1][0]
    return list(last)


def _of_job(store: PredictionStore, job_id: str) -> Iterator[str]:
    [prediction] = store.get([job_id])
    if prediction is not None:
        yield _shown(prediction)
        return
    [reason] = store.dead([job_id])
    if reason is not None:
        yield json.dumps({"job_id": job_id, "dead_letter_reason": reason})


def _shown(prediction: Prediction) -> str:
    # json, not pydantic: what a terminal would act on is escaped.
    return json.dumps(prediction.model_dump(mode="json", exclude_none=True))
