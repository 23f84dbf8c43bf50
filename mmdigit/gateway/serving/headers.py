"""The headers of every response.

Strict-Transport-Security is not among them: the gateway speaks plain HTTP, over which a browser must ignore it
(RFC 6797, section 8.1), and cannot know whether a proxy before it speaks TLS. What ends TLS adds it.
No header of CORS ever is: no page of another origin may read an answer.
"""

from http import HTTPStatus

from mmdigit.gateway.problems import Problem

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What a response has set itself stays, so that a page states its own policy."""


def raw_response(problem: Problem) -> bytes:
    """The problem as bytes of HTTP/1.1, after which the connection ends."""
    response = problem.response()
    status = HTTPStatus(response.status_code)
    headers = [*response.raw_headers, *SECURITY_HEADERS, (b"connection", b"close")]
    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() + lines + b"\r\n" + bytes(response.body)
