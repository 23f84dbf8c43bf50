"""Bodies of requests, read up to a limit."""

import asyncio
from collections.abc import Sequence

import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from mmdigit.gateway.intake.bodies import media_type, read_body
from mmdigit.gateway.problems import Problem


def request(*chunks: bytes | None, **headers: str) -> Request:
    """None: the client has gone."""
    messages: list[Message] = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        return messages.pop(0)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


@pytest.mark.parametrize("chunks", [[b"12345"], [b"12", b"", b"345"], [b"1", b"2345", b""]])
def test_body_up_to_the_limit_is_read(chunks: Sequence[bytes]) -> None:
    assert asyncio.run(read_body(request(*chunks), 5)) == b"12345"


@pytest.mark.parametrize(
    ("chunks", "headers"), [([b"123456"], {}), ([b"123", b"456"], {}), ([], {"content_length": "6"})]
)
def test_body_beyond_the_limit_is_413(chunks: Sequence[bytes], headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as error:
        asyncio.run(read_body(request(*chunks, **headers), 5))
    assert error.value.status == 413


@pytest.mark.parametrize("length", ["-1", "", "many", "5"])
def test_length_that_is_none_is_ignored(length: str) -> None:
    assert asyncio.run(read_body(request(b"12345", content_length=length), 5)) == b"12345"


def test_body_of_a_client_that_has_gone_is_none() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(read_body(request(b"12", None), 5))


@pytest.mark.parametrize(
    ("header", "kind"),
    [("application/json", "application/json"), ("Application/JSON ; charset=utf-8", "application/json"), ("", "")],
)
def test_media_type_is_without_parameters(header: str, kind: str) -> None:
    assert media_type(request(b"", content_type=header)) == kind


def test_media_type_may_be_missing() -> None:
    assert media_type(request(b"")) == ""
