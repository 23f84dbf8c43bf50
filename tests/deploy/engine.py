"""Runs the docker command in the repository."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TAG = "mmdigit:test"
LOCKED_DOWN = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")  # noqa: S108


def run(*command: str, stdin: str = "", timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository. The caller checks its exit status and output."""
    return subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def output(*command: str, stdin: str = "", timeout_s: float = 60.0) -> str:
    """The command's output. If it fails, fails the test with its error output."""
    done = run(*command, stdin=stdin, timeout_s=timeout_s)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(tag: str, **options: Any) -> str:
    """The image of this checkout, as Compose builds it."""
    service = {"image": tag, "build": {"context": "."} | options}
    command = ("docker", "compose", "--file", "-", "--project-directory", ".", "build", "--quiet", "worker")
    output(*command, stdin=json.dumps({"services": {"worker": service}}), timeout_s=600)
    return tag
