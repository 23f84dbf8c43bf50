"""What a call sends: jobs from paths and bytes, bodies that can be sent again, the token."""

import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError

from mmdigit.files.regular import open_regular, read_regular
from mmdigit.settings.redaction import redact
from mmdigit.settings.secrets import read_secret
from schemas.api import JobSubmission
from schemas.errors import DataError, SettingsError
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.printable import printable
from schemas.validation import validation_lines

JSON = "application/json"
JSON_LINES = "application/x-ndjson"
ZIP = "application/zip"
_KINDS = {".zip": ZIP, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, "": JSON_LINES}
_IN_MEMORY_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

Content = bytes | str | Path
"""The content of a file, or its path."""


@dataclass(frozen=True)
class Call:
    """One request, as often as it is sent.

    files: of a form, with their names. wait_s: how long the server may take before it answers, beside the usual.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BinaryIO = b""
    files: Mapping[str, tuple[str, BinaryIO]] = field(default_factory=dict)
    wait_s: float = 0.0


def submission(
    image: Content | None = None,
    audio: Content | None = None,
    *,
    job_id: str | None = None,
    group: str | None = None,
    expected: int | None = None,
) -> JobSubmission:
    """A job: one image and/or one audio clip of one digit, as bytes or paths.

    Raises DataError if a file cannot be read, ValueError if it is no job.
    """
    if image is None and audio is None:
        raise ValueError("expected image, audio or both, got neither")
    try:
        return JobSubmission(
            image=_content("image", image, MAX_IMAGE_BYTES),
            audio=_content("audio", audio, MAX_AUDIO_BYTES),
            job_id=job_id,
            group=group,
            expected=expected,
        )
    except ValidationError as error:
        raise ValueError(f"expected a job, got {validation_lines(error)}") from error


def json_of(job: JobSubmission) -> bytes:
    """The job as one line of JSON."""
    return job.model_dump_json(exclude_none=True).encode()


@contextmanager
def opened_batch(jobs: Content | Iterable[JobSubmission]) -> Iterator[tuple[BinaryIO, str]]:
    """A batch as a file, which can be sent again, and its media type.

    jobs: jobs, or the path of a .zip, .jsonl or .ndjson. Raises DataError if it is another file or cannot be read.
    """
    if isinstance(jobs, bytes):
        raise TypeError("expected jobs or a path, got bytes; write them to a file")
    if isinstance(jobs, str | Path):
        kind = _KINDS.get(Path(jobs).suffix.lower())
        if kind is None:
            raise DataError(
                f"expected a batch as .zip, .jsonl or .ndjson, got {printable(str(jobs), 200)}; "
                "rename it, or submit one image or clip with submit_job"
            )
        with opened(Path(jobs)) as file:
            yield file, kind
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spooled:
        for job in jobs:
            if not isinstance(job, JobSubmission):
                raise TypeError(f"expected jobs of submission(...), got a {type(job).__name__}; make each with it")
            spooled.write(json_of(job) + b"\n")
        yield cast(BinaryIO, spooled), JSON_LINES


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to send. Raises DataError if it cannot be opened."""
    with _readable(path):
        file = open_regular(path)
    with file:
        yield file


@contextmanager
def opened_parts(
    scan: str | Path, recording: str | Path | None, recordings: Mapping[str, str | Path]
) -> Iterator[dict[str, tuple[str, BinaryIO]]]:
    """The files of a scan's form, by part. Raises DataError as opened."""
    paths = {"scan": scan, **{f"recording.{field}": path for field, path in recordings.items()}}
    with ExitStack() as stack:
        yield {
            part: (Path(path).name, stack.enter_context(opened(Path(path))))
            for part, path in {**paths, "recording": recording}.items()
            if path is not None
        }


def size_of(file: BinaryIO) -> int:
    """Its size in bytes; it is at its beginning then."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def given(**parameters: object) -> dict[str, str]:
    """Query parameters, without those that are None."""
    return {name: str(value) for name, value in parameters.items() if value is not None}


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def new_key() -> str:
    """An Idempotency-Key of its own."""
    return uuid.uuid4().hex


def checked_url(url: str) -> str:
    """url. Raises SettingsError if it is not the URL of an HTTP server."""
    try:
        parsed = httpx.URL(url)
        if parsed.scheme in ("http", "https") and parsed.host and (parsed.port or 0) < 2**16:
            return url
    except (httpx.InvalidURL, ValueError):
        pass
    raise SettingsError(f"expected the URL of a gateway, such as http://127.0.0.1:8000, got {redact(url)!r}")


def find_token(token: str | None) -> str | None:
    """The token that is given, or of MMDIGIT_TOKEN_FILE or MMDIGIT_TOKEN; None without any.

    Raises SettingsError if it is no token, or the file cannot be read.
    """
    if token is None:
        value, file = os.environ.get("MMDIGIT_TOKEN"), os.environ.get("MMDIGIT_TOKEN_FILE")
        found = read_secret(SecretStr(value) if value else None, Path(file) if file else None, "MMDIGIT_TOKEN_FILE")
        token = None if found is None else found.get_secret_value()
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise SettingsError("expected a token of printable ASCII without spaces, got another; see `mmdigit token`")
    return token


def _content(name: str, content: Content | None, max_bytes: int) -> bytes | None:
    if content is None:
        return None
    if isinstance(content, bytes):
        read, place = content, name
    else:
        with _readable(Path(content)):
            read, place = read_regular(Path(content), max_bytes), printable(str(content), 200)
    if not read:
        raise ValueError(f"{place}: expected the content of a file, got 0 bytes; send another, or none")
    return read


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"expected a readable file {printable(str(path), 200)}, got: {error.strerror}; check the path"
        ) from error
