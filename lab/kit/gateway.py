"""Runs a gateway in a process of its own, and makes the bodies that it takes."""

import json
import sys
import time
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from lab.kit.http_client import Address
from lab.kit.services import free_port
from producer.sources.sample import Sample
from samples.running import READY_WITHIN_S, RunningConsumer
from schemas.errors import TransportError

NO_LIMITS = (
    *("--max-backlog-s", "86400", "--max-requests-per-s", "1000000"),
    *("--max-streams", "100000", "--max-connections", "100000"),
)
"""Options for what measures the gateway rather than its limits."""

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=----mmdigit"}


class RunningGateway(RunningConsumer):
    """`python -m mmdigit.gateway`, with its database beside its log; a second one in its place takes its port."""

    def __init__(
        self, jobs_url: str, store_url: str, log: Path, options: Sequence[str] = (), port: int | None = None
    ) -> None:
        """port: None picks a free one."""
        self.address: Address = ("127.0.0.1", port or free_port())
        database_url = f"sqlite:///{log.parent.absolute()}/gateway.db"
        super().__init__(
            [
                *(sys.executable, "-m", "mmdigit.gateway", "--jobs", jobs_url, "--store", store_url),
                *("--database", database_url, "--port", str(self.address[1]), *options),
            ],
            log,
        )

    def wait_until_assigned(self) -> None:
        """Until it answers. Raises TransportError if it does not answer in time."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            try:
                urlopen("http://{}:{}/openapi.json".format(*self.address), timeout=10).close()  # noqa: S310  its own
                return
            except (URLError, OSError):
                time.sleep(0.02)
        lines = self.log.read_text().strip().splitlines() or ["nothing"]
        raise TransportError(f"expected a gateway that answers, got {lines[-1][:300]}; see its log {self.log}")


def json_body(sample: Sample, group: str | None = None) -> bytes:
    """A job as JSON."""
    files = {"image": sample.image, "audio": sample.audio}
    job = {name: b64encode(content).decode() for name, content in files.items() if content is not None}
    return json.dumps(job | ({"group": group} if group else {})).encode()


def form_body(sample: Sample) -> bytes:
    """A job as a form, as curl sends it; its media type is FORM."""
    parts = [
        f'------mmdigit\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in (("image", sample.image), ("audio", sample.audio))
        if content is not None
    ]
    return b"".join([*parts, b"------mmdigit--\r\n"])
