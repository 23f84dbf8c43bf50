"""GET / and /app/...: the web app. Its files hold nothing secret; what they fetch asks for the token."""

import gzip
from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mmdigit.gateway.problems import not_found
from mmdigit.gateway.webapp_files import WebappFile, load_files
from schemas.printable import printable

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",  # the model runs in WebAssembly
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # no text ever becomes HTML
        "trusted-types mmdigit",  # js/trusted.js alone makes the addresses of workers
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for each time, answered with 304
}

_METHODS = ["GET", "HEAD"]

router = APIRouter(include_in_schema=False)

files = cache(load_files)
"""build_app calls it, so that no request waits for it."""


@router.api_route("/", methods=_METHODS)
async def index(request: Request) -> Response:
    return _respond(request, "index.html")


@router.api_route("/service-worker.js", methods=_METHODS)
async def service_worker(request: Request) -> Response:
    """At the root, so that it may serve the whole page."""
    return _respond(request, "service-worker.js")


@router.api_route("/app/{path:path}", methods=_METHODS)
async def file(request: Request, path: str) -> Response:
    return _respond(request, path)


def _respond(request: Request, path: str) -> Response:
    found: WebappFile | None = files().get(path)
    if found is None:
        raise not_found(f"expected a file of the web app, got {printable(path, 80)!r}; open /")
    content, headers = found.content, {**_HEADERS, "ETag": found.etag}
    if found.encoding is not None:
        headers["Vary"] = "Accept-Encoding"
        if _takes(request, found.encoding):
            headers["Content-Encoding"] = found.encoding
        else:
            content, headers["ETag"] = _plain(path), f'{found.etag[:-1]}-plain"'
    if _has(request, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Length"] = str(len(content))
    return Response(b"" if request.method == "HEAD" else content, headers=headers, media_type=found.media_type)


@cache
def _plain(path: str) -> bytes:
    """The content of a compressed file, for the few who cannot unpack it."""
    return gzip.decompress(files()[path].content)


def _takes(request: Request, encoding: str) -> bool:
    """Whether Accept-Encoding names the encoding, and not with a weight of 0."""
    parts = "".join(",".join(request.headers.getlist("accept-encoding")).lower().split()).split(",")
    weights = {name: weight for name, _, weight in (part.partition(";q=") for part in parts)}
    weight = weights.get(encoding, weights.get("*", "0"))
    return not weight or bool(weight.strip("0."))


def _has(request: Request, etag: str) -> bool:
    """Whether If-None-Match names the tag; tags compare weakly (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in ",".join(request.headers.getlist("if-none-match")).split(",")]
    return etag in tags or tags == ["*"]
