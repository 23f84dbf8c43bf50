"""One job of one request: JSON and multipart/form-data, as programs, curl and browsers send them."""

import asyncio
import base64
import json
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from mmdigit.gateway.intake.single import read_submission, submission_of_form, submission_of_json
from mmdigit.gateway.problems import Problem
from schemas.api import JobSubmission
from schemas.job import MAX_IMAGE_BYTES, MAX_RECORD_BYTES

IMAGE, AUDIO = b"\x89PNG\r\n", b"RIFF\x00"
BOUNDARY = "b0undary"


def of_form(**fields: Any) -> JobSubmission:
    """As httpx sends it: bytes become files."""
    files = {name: (f"{name}.bin", value) for name, value in fields.items() if isinstance(value, bytes)}
    data = {name: value for name, value in fields.items() if not isinstance(value, bytes)}
    if not files:
        return of_parts(
            *(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{data[name]}'.encode() for name in data)
        )
    request = httpx.Request("POST", "http://h", files=files, data=data)
    return asyncio.run(submission_of_form(request.headers["content-type"], request.read()))


def parts(*raw: bytes) -> bytes:
    return b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + each + b"\r\n" for each in raw) + b"--b0undary--\r\n"


def of_parts(*raw: bytes) -> JobSubmission:
    return asyncio.run(submission_of_form(f"multipart/form-data; boundary={BOUNDARY}", parts(*raw)))


def test_form_has_files_and_fields() -> None:
    said = of_form(image=IMAGE, audio=AUDIO, job_id="a", group="g", expected="7")
    assert said == JobSubmission(image=IMAGE, audio=AUDIO, job_id="a", group="g", expected=7)


def test_form_of_a_browser_may_have_an_empty_file() -> None:
    assert of_form(image=IMAGE, audio=b"") == JobSubmission(image=IMAGE)


def test_form_may_have_a_file_as_a_field() -> None:
    said = of_parts(b'Content-Disposition: form-data; name="image"\r\n\r\n784 bytes')
    assert said == JobSubmission(image=b"784 bytes")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"job_id": "a"}, "neither image nor audio"),
        ({"image": IMAGE, "colour": "red"}, "colour: expected no field of that name, got 'red'; correct the job"),
        ({"image": IMAGE, "job_id": "a b"}, "job_id: expected 1-128 of A-Z a-z 0-9 . _ - that begin"),
        ({"image": IMAGE, "expected": "17"}, "expected: expected 9 or less, got 17; correct the job"),
        ({"image": IMAGE, "expected": "x"}, "expected: expected a whole number, got 'x'; correct the job"),
        ({"image": IMAGE, "expected": "\u0667"}, "expected"),
        ({"image": IMAGE, "job_id": b"a"}, "got a file in the field job_id"),
    ],
)
def test_form_that_is_no_job_gets_422(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem, match=message) as error:
        of_form(**fields)
    assert error.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "raw",
    [
        (b'Content-Disposition: form-data; name="image"\r\n\r\na',) * 2,
        tuple(b'Content-Disposition: form-data; name="f%d"\r\n\r\na' % n for n in range(100)),
        tuple(b'Content-Disposition: form-data; name="f%d"; filename="x"\r\n\r\na' % n for n in range(100)),
        (b'Content-Disposition: form-data; name="group"\r\n\r\n' + b"a" * 5000,),
        (b"Content-Disposition: form-data\r\n\r\na",),
        (b"\r\n\r\na",),
        (b"Content-Disposition: " + b"x" * 100_000 + b"\r\n\r\na",),
        (b'Content-Disposition: form-data; name="\xff\xfe"\r\n\r\na',),
    ],
)
def test_hostile_form_gets_422(raw: tuple[bytes, ...]) -> None:
    with pytest.raises(Problem) as error:
        of_parts(*raw)
    assert error.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("charset", ["latin-1", "no-such", "zlib", "punycode", "idna", "undefined", "utf-7", "\x00"])
def test_form_in_any_charset_is_a_job_or_gets_422(charset: str) -> None:
    body = parts(b'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\nabc')
    try:
        said = asyncio.run(submission_of_form(f"multipart/form-data; charset={charset}; boundary={BOUNDARY}", body))
    except Problem as problem:
        assert problem.status == HTTPStatus.UNPROCESSABLE_ENTITY  # noqa: PT017
    else:
        assert said.image == b"abc"


@pytest.mark.parametrize("parameter", ["", "; boundary=", "; boundary=\u00e4", "; charset=utf-8"])
def test_form_without_a_boundary_gets_422(parameter: str) -> None:
    with pytest.raises(Problem) as error:
        asyncio.run(submission_of_form(f"multipart/form-data{parameter}", parts(b"a")))
    assert error.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_form_with_a_large_file_gets_413() -> None:
    assert of_form(image=bytes(MAX_IMAGE_BYTES)).image == bytes(MAX_IMAGE_BYTES)
    with pytest.raises(Problem, match="image: expected at most") as error:
        of_form(image=bytes(MAX_IMAGE_BYTES + 1))
    assert error.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_json_has_base64() -> None:
    text = json.dumps({"image": base64.b64encode(IMAGE).decode(), "job_id": "a", "expected": 7})
    assert submission_of_json(text.encode()) == JobSubmission(image=IMAGE, job_id="a", expected=7)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "expected a job of image.* got text that is not JSON; send one JSON object"),
        (b"null", "expected a JSON object, got null; correct the job"),
        (b"[]", "expected a JSON object, got a list; correct the job"),
        (b"{}", "expected a job of image.* got neither image nor audio; send one or both"),
        (b'{"audio": ""}', "got audio of 0 bytes; send its file, or leave it out"),
        (b'{"image": "not base64!"}', "image: expected base64, got 'not base64!'"),
        (b'{"image": 5}', "image: expected text in base64, got 5"),
        (b'{"image": "AA==", "expected": "7"}', "expected: expected a whole number, got '7'"),
        (b'{"image": "AA==", "expected": 12}', "expected: expected 9 or less, got 12"),
        (b'{"image": "AA==", "colour": "red"}', "colour: expected no field of that name, got 'red'"),
        (b'{"image": "AA==", "job_id": "a b"}', "job_id: expected 1-128 of A-Z"),
        (b"\xff\xfe", "not JSON"),
        (b'{"image": ' + b"[" * 100_000, "not JSON"),
        (b'{"image": [' + b"1," * 100_000 + b"1]}", "JSON of more than 64 parts"),
        (b'{"image": ' + b"9" * 100_000 + b"}", "not JSON"),
    ],
)
def test_json_that_is_no_job_gets_422(body: bytes, message: str) -> None:
    with pytest.raises(Problem, match=message) as error:
        submission_of_json(body)
    assert error.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


def read(body: bytes, content_type: str) -> JobSubmission:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    return asyncio.run(read_submission(Request(scope, receive)))


def test_media_type_chooses_the_reader() -> None:
    body = parts(b'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\nabc')
    assert read(body, f"Multipart/Form-Data; boundary={BOUNDARY}").image == b"abc"
    assert read(b'{"image": "YWJj"}', "application/json; charset=utf-8").image == b"abc"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "\x80json"])
def test_other_media_types_get_415(content_type: str) -> None:
    with pytest.raises(Problem, match="expected application/json or multipart/form-data") as error:
        read(b"{}", content_type)
    assert error.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def test_large_body_gets_413() -> None:
    with pytest.raises(Problem) as error:
        read(bytes(MAX_RECORD_BYTES + 1), "application/json")
    assert error.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@given(st.binary(max_size=200))
def test_any_body_is_a_job_or_a_problem(body: bytes) -> None:
    for content_type in ("application/json", f"multipart/form-data; boundary={BOUNDARY}"):
        for content in (body, parts(body)):
            try:
                said = read(content, content_type)
            except Problem as problem:
                assert problem.status in (413, 422)  # noqa: PT017
            else:
                assert said.image is not None or said.audio is not None
