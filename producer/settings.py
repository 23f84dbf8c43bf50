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
    """Sends the jobs of a source to a topic, each of them once, and can wait for their predictions."""

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
    recursive: Annotated[bool, Field(description="read the folders inside a folder, too")] = False
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
        Field(description="name that the jobs share; by default made from the source, so that a repeated run resumes"),
    ] = None
    count: Annotated[
        int | None, Field(ge=1, description="jobs at most; by default 10000 pairs, or all of a folder or manifest")
    ] = None
    rate: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False, description="jobs per second; by default as fast as the topic takes them"),
    ] = None
    seed: Annotated[int, Field(ge=0, description="which random pairs")] = 0
    split: Annotated[Split, Field(description="which part of the data sets the pairs come from")] = "test"
    wire: Annotated[Wire, Field(description="encoding of the jobs")] = "msgpack"  # see lab/benchmarks/wire.py
    journal_dir: Annotated[Path, Field(description="folder that remembers which jobs each topic has acknowledged")] = (
        Path(".mmdigit/journal")
    )
    resend: Annotated[
        bool, Field(description="forget the journal and send every job again, under the same job ids")
    ] = False
    wait: Annotated[bool, Field(description="after sending, wait until the store holds every job's outcome")] = False
    store_url: Annotated[
        str | None,
        Field(
            min_length=1,
            validation_alias="store",
            repr=False,
            description="prediction store to wait on: redis(s)[+sentinel|+cluster]:// or sqlite:///file",
        ),
    ] = None
    output: Annotated[Path | None, Field(description="CSV file for the predictions waited for")] = None
    wait_timeout_s: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="seconds without any new outcome after which waiting ends")
    ] = 60.0
    metrics_port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="port of /metrics, which tells how far the run is; by default there is none"),
    ] = None
    metrics_host: Annotated[str, Field(description="address that it listens on")] = "127.0.0.1"
    trace_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the jobs that begin a trace, which their record's traceparent header carries on",
        ),
    ] = 0.0
    otlp_endpoint: OtlpEndpoint = None

    @model_validator(mode="after")
    def _waiting_is_complete(self) -> Self:
        if self.wait and self.store_url is None:
            raise ValueError("--wait needs --store, the URL of the prediction store")
        if self.output is not None and not self.wait:
            raise ValueError("--output needs --wait: it holds the predictions waited for")
        return self
