"""Reads a request's body up to a limit."""

from collections.abc import AsyncIterator

from fastapi import Request

from mmdigit.gateway.problems import too_large


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises as stream_body."""
    return b"".join([chunk async for chunk in stream_body(request, limit_bytes)])


async def stream_body(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Problem (413) if it is larger, at once if its Content-Length says so."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit_bytes:
        raise too_large(limit_bytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        yield chunk


def media_type(request: Request) -> str:
    """The body's media type without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
