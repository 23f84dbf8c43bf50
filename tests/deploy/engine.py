"""The repository's files in the Docker command line's hands."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
