"""`python -m samples.demo_forms`: prints, fills, scans and reads forms as a newcomer would see it."""

import os
import subprocess
import sys
from pathlib import Path


def test_demo_forms_accepts_only_what_was_written(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "samples.demo_forms"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = dict(line.strip().rsplit("  ", 1) for line in done.stdout.splitlines() if "  " in line.strip())
    figures = {name.strip(): value.strip() for name, value in summary.items()}
    assert figures["forms"] == "12 of 12"
    right, accepted = map(int, figures["right among the accepted"].split(" of "))
    assert right == accepted
    assert accepted + int(figures["for a person to look at"]) == int(figures["fields written"])
    assert accepted > int(figures["fields written"]) / 2
    assert figures["slip of the pen caught by the voice"] == "yes"
    assert "page 13: duplicate" in done.stderr
    assert (tmp_path / ".mmdigit" / "demo-forms" / "boxes.png").stat().st_size > 0
