"""Sends one drawn digit and prints its prediction, to check the path from a producer to the store.

    MMDIGIT_TO=kafka://... MMDIGIT_STORE=rediss://... python first_job.py

Access settings are those of every program (docs/operate/access.md). Terraform runs this as a task in the worker's
image. Exit code 0 with a prediction, 1 after a timeout, otherwise like every program.
"""

import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.settings.program import run_program
from mmdigit.transport.urls import open_publisher, open_store
from schemas.job import Job
from schemas.wire import encode

TIMEOUT_S = 60.0
SIDE, INK, PAPER = 28, 255, 0
ROWS, COLUMNS = range(4, 24), range(13, 16)
"""A 1: a vertical line in the middle, three pixels wide."""


class FirstJobSettings(AccessSettings):
    """Sends one drawn digit and prints its prediction."""

    prog: ClassVar[str] = "first_job"

    to_url: Annotated[str, Field(validation_alias="to", repr=False, description="topic of jobs")]
    store_url: Annotated[str, Field(validation_alias="store", repr=False, description="prediction store")]


def first_job(argv: Sequence[str]) -> int:
    settings = FirstJobSettings.load(argv)
    access = settings.access
    image = bytes(INK if y in ROWS and x in COLUMNS else PAPER for y in range(SIDE) for x in range(SIDE))
    job = Job(job_id=f"first-{uuid.uuid4().hex}", image=image, created_at=datetime.now(UTC))
    with (
        open_store(settings.store_url, access=access) as store,
        open_publisher(settings.to_url, access=access) as publisher,
    ):
        publisher.send(job.job_id.encode(), encode(job, "json"))
        publisher.flush(TIMEOUT_S)
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            [prediction] = store.get([job.job_id])
            if prediction is not None:
                sys.stdout.write(prediction.model_dump_json(indent=2) + "\n")
                return 0
            time.sleep(0.2)
    sys.stderr.write(
        f"first_job: error: expected a prediction of {job.job_id} within {TIMEOUT_S:.0f} s, got none; "
        "check that a worker is running, and its log\n"
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(run_program(FirstJobSettings.prog, first_job))
