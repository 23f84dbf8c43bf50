"""Links through toxiproxy, with toxics that delay, throttle or cut them. Source: its README, "HTTP API"."""

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any, Self

from schemas.errors import TransportError

_ANSWERS_WITHIN_S = 30.0


class Toxiproxy:
    """The API of one toxiproxy."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._url = f"http://{host}:{port}"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Its answer, or None if that is empty. Raises TransportError if it refuses or does not answer."""
        request = urllib.request.Request(  # noqa: S310  http alone
            self._url + path, None if body is None else json.dumps(body).encode(), method=method
        )
        deadline_s = time.monotonic() + _ANSWERS_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                with error:
                    reason = error.read().decode()
                raise TransportError(f"expected toxiproxy to take {method} {path}, got {reason}") from error
            except (OSError, http.client.HTTPException) as error:  # it does not listen yet
                if time.monotonic() > deadline_s:
                    raise TransportError(f"expected toxiproxy at {self._url}, got {error}") from error
                time.sleep(0.05)


class Link:
    """One proxied connection."""

    def __init__(self, proxy: Toxiproxy, name: str) -> None:
        self.name = name
        self._proxy = proxy

    @classmethod
    def create(cls, proxy: Toxiproxy, name: str, port: int, upstream: str) -> Self:
        """Add a proxy from a port of this host to a service in the containers' network."""
        proxy.call("POST", "/proxies", {"name": name, "listen": f"0.0.0.0:{port}", "upstream": upstream})
        return cls(proxy, name)

    def add_toxic(self, kind: str, *streams: str, **attributes: int) -> None:
        """Add a toxic to the streams: "upstream" (to the service), "downstream", or both by default."""
        for stream in streams or ("upstream", "downstream"):
            toxic = {"name": f"{kind}_{stream}", "type": kind, "stream": stream, "attributes": attributes}
            self._proxy.call("POST", f"/proxies/{self.name}/toxics", toxic)

    def remove_toxics(self) -> None:
        """Remove all toxics."""
        for toxic in self._proxy.call("GET", f"/proxies/{self.name}/toxics"):
            self._proxy.call("DELETE", f"/proxies/{self.name}/toxics/{toxic['name']}")
