"""Reads a request's body up to a limit."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from fastapi import Request

from mmdigit.gateway.problems import too_large

IN_MEMORY_BYTES = 1024 * 1024
"""Of a body that may be larger, which is then in a temporary file."""


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


@asynccontextmanager
async def spooled_body(request: Request, limit_bytes: int) -> AsyncIterator[BinaryIO]:
    """The body in an anonymous file: nothing that a request says becomes a path. Raises as stream_body."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as spooled:
        async for chunk in stream_body(request, limit_bytes):
            await asyncio.to_thread(spooled.write, chunk)
        yield cast(BinaryIO, spooled)


def media_type(request: Request) -> str:
    """The body's media type without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
