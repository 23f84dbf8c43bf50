"""The repository's files in the Docker command line's hands."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TAG = "mmdigit:test"
LOCKED_DOWN = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")  # noqa: S108


def run(*command: str, stdin: str = "", timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run it in the repository; its exit status and output are for the caller to judge."""
    return subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def output(*command: str, stdin: str = "", timeout_s: float = 60.0) -> str:
    """What it prints. Fails the test with its error output when it fails."""
    done = run(*command, stdin=stdin, timeout_s=timeout_s)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(tag: str, **options: Any) -> str:
    """The image of this tree, built as Compose builds it."""
    service = {"image": tag, "build": {"context": "."} | options}
    command = ("docker", "compose", "--file", "-", "--project-directory", ".", "build", "--quiet", "worker")
    output(*command, stdin=json.dumps({"services": {"worker": service}}), timeout_s=600)
    return tag
