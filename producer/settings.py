"""The producer's settings: MMDIGIT_* variables and flags, one frozen class."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.telemetry.spans import OtlpEndpoint
from schemas.identifiers import Identifier
from schemas.wire import Wire

Split = Literal["test", "train"]


class ProducerSettings(AccessSettings):
    """Sends each job of a source to a topic once, and can wait for the predictions."""

    prog: ClassVar[str] = "python -m producer"

    source: Annotated[
        str,
        Field(
            min_length=1,
            validation_alias="from",
            examples=["samples/pack/manifest.csv"],
            description="folder of image and audio files paired by stem, CSV manifest (id,image,audio,label), or "
            "pairs:DIR for MNIST images with Free Spoken Digit recordings of the same digit",
        ),
    ]
    recursive: Annotated[bool, Field(description="also read the folders inside a folder")] = False
    to_url: Annotated[
        str,
        Field(
            min_length=1,
            validation_alias="to",
            examples=["kafka://localhost:29092/mmdigit.jobs"],
            repr=False,
            description="topic of jobs: kafka://host:9092/topic or sqlite:///file",
        ),
    ]
    group: Annotated[
        Identifier | None,
        Field(description="name that the jobs share; by default derived from the source, so that a second run resumes"),
    ] = None
    count: Annotated[
        int | None,
        Field(ge=1, description="maximum jobs to send; default 10000 pairs, or all of a folder or manifest"),
    ] = None
    rate: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False, description="jobs per second; by default as fast as the topic takes them"),
    ] = None
    seed: Annotated[int, Field(ge=0, description="seed of the random pairs")] = 0
    split: Annotated[Split, Field(description="split of the data sets that the pairs come from")] = "test"
    wire: Annotated[Wire, Field(description="encoding of the jobs")] = "msgpack"  # see lab/benchmarks/wire.py
    journal_dir: Annotated[Path, Field(description="folder of journals: the jobs that each topic has acknowledged")] = (
        Path(".mmdigit/journal")
    )
    resend: Annotated[bool, Field(description="ignore the journal and send every job again, under the same ids")] = (
        False
    )
    wait: Annotated[bool, Field(description="after sending, wait until the store holds every job's outcome")] = False
    store_url: Annotated[
        str | None,
        Field(
            min_length=1,
            validation_alias="store",
            repr=False,
            description="prediction store to wait for: redis(s)[+sentinel|+cluster]:// or sqlite:///file",
        ),
    ] = None
    output: Annotated[Path | None, Field(description="CSV file for the predictions, with --wait")] = None
    wait_timeout_s: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="seconds without a new outcome after which waiting ends")
    ] = 60.0
    metrics_port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="port of /metrics, which shows the progress of the run; by default none"),
    ] = None
    metrics_host: Annotated[str, Field(description="address of /metrics")] = "127.0.0.1"
    trace_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the jobs that begin a trace, in the record's traceparent header",
        ),
    ] = 0.0
    otlp_endpoint: OtlpEndpoint = None

    @model_validator(mode="after")
    def _waiting_is_complete(self) -> Self:
        if self.wait and self.store_url is None:
            raise ValueError("--wait needs --store, the URL of the prediction store")
        if self.output is not None and not self.wait:
            raise ValueError("--output needs --wait, which collects the predictions")
        return self
