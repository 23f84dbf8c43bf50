"""GET / and /app/...: the web app. Its files hold nothing secret; what they fetch asks for the token."""

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

router = APIRouter(include_in_schema=False)

files = cache(load_files)
"""build_app calls it, so that no request waits for it."""


@router.get("/")
async def index(request: Request) -> Response:
    return _respond(request, "index.html")


@router.get("/service-worker.js")
async def service_worker(request: Request) -> Response:
    """At the root, so that it may serve the whole page."""
    return _respond(request, "service-worker.js")


@router.get("/app/{path:path}")
async def file(request: Request, path: str) -> Response:
    return _respond(request, path)


def _respond(request: Request, path: str) -> Response:
    found: WebappFile | None = files().get(path)
    if found is None:
        raise not_found(f"expected a file of the web app, got {printable(path, 80)!r}; open /")
    headers = {**_HEADERS, "ETag": found.etag}
    if found.encoding is not None:
        headers["Content-Encoding"] = found.encoding
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)
