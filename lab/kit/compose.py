"""The stack of docker-compose.yml under a name and on ports of its own, beside any other that runs."""

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lab.kit.services import free_port
from schemas.errors import TransportError

ROOT = Path(__file__).parents[2]
JOBS, GROUP, PARTITIONS = "mmdigit.jobs", "mmdigit", 8
"""The topic, the consumer group and how many partitions, as the stack has them."""

_COMMAND_WITHIN_S = 600.0  # the first one builds the image


class Compose(AbstractContextManager["Compose"]):
    """The stack, from up() to the end of the block."""

    def __init__(self, override: dict[str, Any] | None = None, **environment: str) -> None:
        """override: services as a second Compose file would have them; environment: variables of the first."""
        ports = {name: free_port() for name in ("kafka", "redis", "prometheus", "grafana")}
        self.bootstrap = f"localhost:{ports['kafka']}"
        self.jobs_url = f"kafka://{self.bootstrap}/{JOBS}"
        self.store_url = f"redis://localhost:{ports['redis']}/0"
        self.prometheus_url = f"http://localhost:{ports['prometheus']}"
        self._environment = (
            os.environ | {f"{name.upper()}_PORT": str(port) for name, port in ports.items()} | environment
        )
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "override.json"
        file.write_text(json.dumps({"services": override or {}}))
        self._files = ("--file", str(ROOT / "docker-compose.yml"), "--file", str(file))
        self._project = f"mmdigit-{uuid.uuid4().hex[:8]}"

    def run(self, *arguments: str) -> str:
        """What `docker compose` prints. Raises TransportError, with the end of its errors, if it fails."""
        done = subprocess.run(  # noqa: S603
            ["docker", "compose", *self._files, "--project-name", self._project, *arguments],  # noqa: S607
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_WITHIN_S,
            check=False,
        )
        if done.returncode:
            what = f"docker compose {' '.join(arguments)}"
            raise TransportError(f"expected {what} to succeed, got: {done.stderr.strip()[-500:]}")
        return done.stdout

    def up(self, services: Sequence[str], workers: int = 1, profiles: Sequence[str] = ()) -> None:
        """Start what does not run yet; workers: how many of them there are then. Returns when all are healthy."""
        flags = [flag for profile in profiles for flag in ("--profile", profile)]
        scale = ["--scale", f"worker={workers}"]
        self.run(*flags, "up", "--build", "--detach", "--wait", "--no-recreate", *scale, *services)

    def containers(self, service: str) -> list[str]:
        """Ids of the running ones."""
        return self.run("ps", "--quiet", service).split()

    def __exit__(self, *exc_info: object) -> None:
        self.run("--profile", "*", "down", "--volumes", "--timeout", "1")
        self._folder.cleanup()
