"""The machine and the package versions that a figure was measured with."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def machine(packages: Sequence[str] = ()) -> dict[str, object]:
    """CPU, usable cores, Python, operating system, package versions and date (UTC)."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.machine()}",
        "packages": {name: version(name) for name in packages},
        "date": datetime.now(UTC).date().isoformat(),
    }


def machine_line(facts: dict[str, object]) -> str:
    """The facts of machine() as one line of text."""
    packages = facts["packages"]
    versions = [f"{name} {number}" for name, number in packages.items()] if isinstance(packages, dict) else []
    python = f"Python {facts['python']}"
    return ", ".join(map(str, [facts["cpu"], f"{facts['cores']} cores", python, facts["os"], *versions, facts["date"]]))


def cpu_model() -> str:
    """The CPU's name, from the system."""
    if _CPUINFO.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", _CPUINFO.read_text(), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """The number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
