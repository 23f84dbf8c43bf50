"""Every file that a user names: a pipe, a device or a folder in its place is one line at once, and costs no memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.polling import HANGS_AFTER_S

ROOT = Path(__file__).parents[1]
IMAGE = str(ROOT / "samples" / "pack" / "images" / "4_17.png")

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
module, sys.argv = sys.argv[1], sys.argv[1:]
import runpy
runpy.run_module(module, run_name="__main__")
"""

PLACES = {
    "predict --image": ["mmdigit", "predict", "--image", "FILE"],
    "predict --audio": ["mmdigit", "predict", "--audio", "FILE"],
    "listen": ["mmdigit", "listen", "FILE"],
    "say --output": ["mmdigit", "say", "4", "--output", "FILE"],
    "predict --manifest": ["mmdigit", "predict", "--manifest", "FILE", "--output", "out.csv"],
    "predict --weights": ["mmdigit", "predict", "--image", IMAGE, "--weights", "FILE"],
    "predict --output": ["mmdigit", "predict", "--manifest", "m.csv", "--output", "FILE"],
    "producer --from": ["producer", "--from", "FILE", "--to", "sqlite:///q.db"],
    "producer --to": ["producer", "--from", "m.csv", "--to", "sqlite:///FILE"],
    "producer --output": [
        *("producer", "--from", "m.csv", "--to", "sqlite:///q.db", "--wait", "--store", "sqlite:///q.db"),
        *("--output", "FILE"),
    ],
    "producer --redis-password-file": [
        *("producer", "--from", "m.csv", "--to", "sqlite:///q.db", "--redis-password-file", "FILE"),
    ],
    "producer --redis-ca-file": [
        *("producer", "--from", "m.csv", "--to", "sqlite:///q.db", "--wait", "--store", "rediss://127.0.0.1:1/0"),
        *("--redis-ca-file", "FILE"),
    ],
    "worker --weights": ["worker", "--from", "sqlite:///q.db", "--store", "sqlite:///q.db", "--weights", "FILE"],
    "worker --metrics-token-file": [
        *("worker", "--from", "sqlite:///q.db", "--store", "sqlite:///q.db", "--metrics-token-file", "FILE"),
    ],
    "worker --store": ["worker", "--from", "sqlite:///q.db", "--store", "sqlite:///FILE"],
}


@pytest.mark.parametrize("arguments", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("file", ["pipe", "/dev/zero"])
def test_named_file_that_is_not_plain_is_a_one_line_error(tmp_path: Path, arguments: list[str], file: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "m.csv").write_text(f"id,image\n1,{IMAGE}\n")
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, *(word.replace("FILE", file) for word in arguments)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("MMDIGIT_")}
        | {"PYTHONPATH": str(ROOT)}
        | ({"MMDIGIT_METRICS_PORT": "0"} if arguments[0] == "worker" else {}),
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    errors = [line for line in ran.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1
    assert "Traceback" not in ran.stderr
    assert file in errors[0]


def test_invalid_model_metadata_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    os.mkfifo(tmp_path / "m.json")
    ran = subprocess.run(
        [sys.executable, "-m", "mmdigit", "predict", "--image", IMAGE, "--weights", "m.onnx"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert "m.json, got an error (it is a named pipe, not a regular file)" in line
