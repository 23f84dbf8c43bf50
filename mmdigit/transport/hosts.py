"""Parses host:port as it appears in URLs."""

import re

_HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


def parse_host_port(text: str, default_port: int) -> tuple[str, int] | None:
    """The host (an IPv6 address in brackets) and port, or None if text is neither host nor host:port."""
    match = _HOST_AND_PORT.fullmatch(text)
    port = int(match["port"] or default_port) if match else 0
    return (match["host"], port) if match and 0 < port < 65536 else None
