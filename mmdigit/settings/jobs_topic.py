"""The setting of every program that publishes jobs for the workers."""

from typing import Annotated

from pydantic import Field

JobsUrl = Annotated[
    str,
    Field(
        validation_alias="jobs",
        repr=False,
        examples=["kafka://localhost:29092/mmdigit.jobs"],
        description="topic of jobs, which `python -m worker` consumes: kafka://host:9092/topic or sqlite:///file",
    ),
]
