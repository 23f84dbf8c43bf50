"""One job of one request: JSON with base64, or multipart/form-data as browsers and curl send it."""

from collections.abc import AsyncGenerator
from http import HTTPStatus

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mmdigit.gateway.intake.bodies import media_type, read_body
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.validation import failures_text
from schemas.api import JobSubmission
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, MAX_RECORD_BYTES
from schemas.printable import printable

FILES = {"image": MAX_IMAGE_BYTES, "audio": MAX_AUDIO_BYTES}
_MAX_FIELDS = 8
_MAX_FIELD_BYTES = 1024
_MAX_COMMAS = 64
"""A submission has five fields; a parser builds an object of tens of bytes from each "[]," of a hostile body."""


async def read_submission(request: Request) -> JobSubmission:
    """The job in the request's body.

    Raises Problem: 413 if it is too large, 415 for another media type, 422 if it is not a job.
    """
    kind = media_type(request)
    body = await read_body(request, MAX_RECORD_BYTES) if kind in ("application/json", "multipart/form-data") else b""
    if kind == "application/json":
        return submission_of_json(body)
    if kind == "multipart/form-data":
        return await submission_of_form(request.headers["content-type"], body)
    raise Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"expected application/json or multipart/form-data, got {printable(kind) or 'no Content-Type'}; "
        "with curl, send -F image=@FILE",
    )


def submission_of_json(body: bytes) -> JobSubmission:
    """The job in one JSON object. Raises Problem (422)."""
    if body.count(b",") > _MAX_COMMAS:
        raise _invalid(f"got JSON of more than {_MAX_COMMAS} parts; send only its fields")
    try:
        return _checked(JobSubmission.model_validate_json(body, strict=True))
    except ValidationError as error:
        raise _refused(error) from error
    except (ValueError, RecursionError) as error:
        raise _invalid(f"got {type(error).__name__}; send JSON in UTF-8") from error


async def submission_of_form(content_type: str, body: bytes) -> JobSubmission:
    """The job in a form: files `image` and `audio`, fields `job_id`, `group`, `expected`. Raises Problem (413, 422)."""
    parser = MultiPartParser(
        Headers({"content-type": content_type}),
        _one(body),
        max_files=len(FILES),
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    parser.spool_max_size = len(body) + 1  # never on disk: the body is in memory, and bounded
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise _invalid(f"got a broken form ({printable(str(error), 200)}); send it as a browser does") from error
    try:
        fields = await _fields(form)
    finally:
        await form.close()
    try:
        return _checked(JobSubmission.model_validate(fields, strict=True))
    except ValidationError as error:
        raise _refused(error) from error


async def _fields(form: FormData) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in form.multi_items():
        if name in fields:
            raise _invalid(f"got the field {printable(name, 60)} more than once; send each once")
        if name in FILES:
            content = await value.read() if isinstance(value, UploadFile) else value.encode()
            if len(content) > FILES[name]:
                raise Problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"{name}: expected at most {FILES[name]} bytes, got {len(content)}; send a smaller file",
                )
            fields[name] = content or None  # a browser sends a file input without a file as an empty part
        elif isinstance(value, UploadFile):
            raise _invalid(f"got a file in the field {printable(name, 60)}; files are image and audio")
        elif name == "expected":
            fields[name] = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value
        else:
            fields[name] = value
    return fields


def _checked(submission: JobSubmission) -> JobSubmission:
    if submission.image is None and submission.audio is None:
        raise _invalid("got neither image nor audio; send one or both")
    for name in FILES:
        if getattr(submission, name) == b"":
            raise _invalid(f"got {name} of 0 bytes; send its file, or leave it out")
    return submission


def _invalid(what: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"expected a job of image, audio or both (job_id, group and expected are optional), {what}",
    )


def _refused(error: ValidationError) -> Problem:
    failures = error.errors(include_url=False)
    if failures[0]["type"] == "json_invalid":
        return _invalid("got text that is not JSON; send one JSON object")
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{failures_text(failures)}; correct the job")


async def _one(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
