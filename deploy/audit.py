"""Looks up what the image installs among known vulnerabilities, by pip-audit: python deploy/audit.py REQUIREMENTS...

Exit code 1 if something is known to be vulnerable. Where the vulnerability service cannot be reached it says that
nothing was looked up; pip-audit by itself would pass in silence.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")


def report(found: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code and lines for what pip-audit found, in its JSON form."""
    packages: Sequence[Mapping[str, Any]] = found["dependencies"]
    looked_up = [package for package in packages if "skip_reason" not in package]
    lines = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'none'}"
        for package in looked_up
        for flaw in package["vulns"]
    ]
    code = int(bool(lines))
    lines.append(f"audit: {len(looked_up)} of {len(packages)} packages looked up, {len(lines)} known vulnerabilities")
    if len(looked_up) < len(packages):
        lines.append("audit: the vulnerability service could not be reached for the others; run it where it can")
    return code, "\n".join(lines)


def main(requirements: Sequence[str]) -> int:
    files = [part for file in requirements for part in ("--requirement", file)]
    command = [
        str(PIP_AUDIT),
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner",
        "off",
        "--format",
        "json",
        *files,
    ]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    try:
        found = json.loads(ran.stdout)
    except json.JSONDecodeError:
        sys.stderr.write(f"audit: expected pip-audit's report, got none; nothing was looked up\n{ran.stderr[-500:]}\n")
        return 0 if "onnection" in ran.stderr else 2
    code, text = report(found)
    sys.stdout.write(text + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
