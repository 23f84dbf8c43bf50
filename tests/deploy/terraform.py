"""Runs Terraform on deploy/terraform with a local copy of the provider, without downloads."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.deploy.engine import ROOT

FOLDER = ROOT / "deploy" / "terraform"
PROVIDER = Path("registry.terraform.io/hashicorp/aws/5.100.0")


def mirror() -> Path | None:
    """The folder of unpacked providers: Terraform's own, or one below /opt."""
    local = [Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins")]
    home = Path.home() / ".terraform.d" / "plugins"
    folders: Iterable[Path] = [home, *local, *sorted(Path("/opt").glob("*"))]
    return next((folder for folder in folders if (folder / PROVIDER).is_dir()), None)


def terraform_problem() -> str | None:
    """Why Terraform cannot run here, in one line; None if it can."""
    if shutil.which("terraform") is None:
        return "expected terraform on the PATH, got none; install Terraform 1.11"
    if mirror() is None:
        return f"expected a folder of providers with {PROVIDER}, got none; terraform providers mirror FOLDER makes one"
    return None


class Terraform:
    """Terraform in deploy/terraform, which writes to folder."""

    def __init__(self, folder: Path) -> None:
        configuration = folder / "terraform.rc"
        configuration.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n'
        )
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
        self._environment |= {
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_DATA_DIR": str(folder / "data"),
            "CHECKPOINT_DISABLE": "1",  # no update check
        }
        done = self.run("init", "-input=false", "-backend=false", "-lockfile=readonly")
        assert done.returncode == 0, done.stderr

    def run(self, command: str, *arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
        """Run Terraform. The caller checks its exit status and output."""
        own = {} if folder == FOLDER else {"TF_DATA_DIR": str(folder / ".terraform")}
        return subprocess.run(
            ["terraform", command, "-no-color", *arguments],
            cwd=folder,
            env=self._environment | own,
            capture_output=True,
            text=True,
            timeout=800,  # two minutes on two cores that others use too
            check=False,
        )


class Outcome:
    """The output of `terraform test`, and its plan for each run block."""

    def __init__(self, terraform: Terraform) -> None:
        self.done = terraform.run("test", "-json", "-verbose")
        self._lines = [json.loads(line) for line in self.done.stdout.splitlines()]

    @property
    def failures(self) -> list[str]:
        """The full text of each failed assertion."""
        return [
            f"{line.get('@testrun')}: {line['diagnostic']['summary']}: {line['diagnostic']['detail']}"
            for line in self._lines
            if line["type"] == "diagnostic" and line["diagnostic"]["severity"] == "error"
        ]

    @property
    def passed(self) -> set[str]:
        return {
            line["test_run"]["run"]
            for line in self._lines
            if line["type"] == "test_run" and line["test_run"].get("status") == "pass"
        }

    def planned(self, run: str, address: str) -> dict[str, Any]:
        """The planned attributes of a resource in a run block."""
        [plan] = [line["test_plan"] for line in self._lines if line["type"] == "test_plan" and line["@testrun"] == run]
        [change] = [change for change in plan["resource_changes"] if change["address"] == address]
        after: dict[str, Any] = change["change"]["after"]
        return after

    def container(self, run: str, definition: str) -> dict[str, Any]:
        """The only container of a task definition."""
        planned = self.planned(run, f"aws_ecs_task_definition.{definition}")
        [container] = json.loads(planned["container_definitions"])
        assert isinstance(container, dict)
        return container
