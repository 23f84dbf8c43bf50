"""The page worker's settings: MMDIGIT_* variables and flags, one frozen class."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mmdigit.consuming.settings import ConsumingSettings
from mmdigit.settings.database_settings import DatabaseSettings
from mmdigit.settings.jobs_topic import JobsUrl
from mmdigit.settings.lists import split
from mmdigit.settings.model import Threads, Weights
from mmdigit.settings.service_settings import MetricsPort
from schemas.identifiers import Identifier


class PageWorkerSettings(DatabaseSettings, ConsumingSettings):
    """Consumes scanned pages: finds their boxes, publishes a job for each digit, keeps the page, and only then
    commits. Needs the extra `forms`."""

    prog: ClassVar[str] = "python -m mmdigit.forms worker"

    from_url: Annotated[
        str,
        Field(
            validation_alias="from",
            repr=False,
            examples=["kafka://localhost:29092/mmdigit.pages"],
            description="topic of pages: kafka://host:9092/topic or sqlite:///file?topic=pages",
        ),
    ]
    jobs_url: JobsUrl
    templates: Annotated[
        tuple[Path, ...],
        NoDecode,
        BeforeValidator(split),
        Field(
            validation_alias="template",
            min_length=1,
            max_length=64,
            examples=["form.yaml"],
            description="the form that was printed; several, separated by commas, if pages of several forms arrive",
        ),
    ]
    consumer_group: Annotated[Identifier, Field(description="consumer group; its workers share the pages")] = (
        "mmdigit-pages"
    )
    weights: Weights = None
    threads: Threads = 1
    metrics_port: MetricsPort = 9101
