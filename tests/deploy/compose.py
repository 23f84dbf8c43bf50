"""The stack of docker-compose.yml under a name and on ports of its own, beside any other that runs."""

import os
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from lab.kit.services import free_port
from schemas.errors import TransportError

ROOT = Path(__file__).parents[2]
JOBS = "mmdigit.jobs"
"""The topic of the stack."""

_COMMAND_WITHIN_S = 600.0  # the first one builds the image


class Compose(AbstractContextManager["Compose"]):
    """The stack, from up() to the end of the block."""

    def __init__(self, **environment: str) -> None:
        """environment: variables of docker-compose.yml."""
        ports = {name: free_port() for name in ("kafka", "redis", "prometheus", "grafana", "postgres", "gateway")}
        self.bootstrap = f"localhost:{ports['kafka']}"
        self.gateway = f"http://localhost:{ports['gateway']}"
        self.prometheus = f"http://localhost:{ports['prometheus']}"
        self.forms_url = f"postgresql://forms@localhost:{ports['postgres']}/forms"
        self._environment = (
            os.environ | {f"{name.upper()}_PORT": str(port) for name, port in ports.items()} | environment
        )
        self._project = f"mmdigit-{uuid.uuid4().hex[:8]}"

    def run(self, *arguments: str) -> str:
        """What `docker compose` prints. Raises TransportError if it fails, with the ends of its errors and the logs."""
        done = self._compose(*arguments)
        if done.returncode:
            what = f"docker compose {' '.join(arguments)}"
            logs = self._compose("--profile", "*", "logs", "--tail", "20").stdout
            raise TransportError(f"expected {what} to succeed, got: {done.stderr.strip()[-500:]}\n{logs}")
        return done.stdout

    def _compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", "--file", "docker-compose.yml", "--project-name", self._project, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_WITHIN_S,
            check=False,
        )

    def up(self, services: Sequence[str], profiles: Sequence[str] = ()) -> None:
        """Start what does not run yet. Returns when all are healthy."""
        flags = [flag for profile in profiles for flag in ("--profile", profile)]
        self.run(*flags, "up", "--build", "--detach", "--wait", *services)

    def __exit__(self, *exc_info: object) -> None:
        self.run("--profile", "*", "down", "--volumes", "--timeout", "1")
