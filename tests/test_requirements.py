"""Every dependency states its reason and is pinned with hashes; no file has an index address."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "lab" / "benchmarks" / "peers" / "requirements"
SETS = ["worker", "msk", "otel", "forms", "client", "gateway", "train", "test", "fuzz", "sbom", "docs"]


@pytest.mark.parametrize("name", SETS)
def test_dependencies_state_their_reason(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    own = [line for line in lines if line and not line.startswith(("#", "-r ", "-c "))]
    bare = [line for line in own if not re.search(r"\s# \S", line)]
    assert bare == []


@pytest.mark.parametrize("name", SETS)
def test_pins_have_hashes_and_no_index_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pins = re.findall(r"^([a-z0-9][\w.\[\],-]*)==(\S+)(.*(?:\n    .*)*)", text, re.MULTILINE)
    assert len(pins) > (0 if name == "fuzz" else 15)
    for package, _version, rest in pins:
        assert "--hash=sha256:" in rest, f"{package} has no hash"
    assert "://" not in text
    assert "-url" not in text


@pytest.mark.parametrize("path", sorted(PEERS.glob("*.in")), ids=lambda path: path.stem)
def test_peers_state_reason_and_licence_and_are_pinned(path: Path) -> None:
    head, *lines = path.read_text().splitlines()
    assert re.search(r"\((Apache-2\.0|MIT|BSD-\d-Clause)\)\.$", head)
    assert [line for line in lines if not line.startswith("-c ") and not re.search(r"\s# \S", line)] == []
    text = path.with_suffix(".txt").read_text()
    pins = re.findall(r"^[a-z0-9].*==.*(?:\n    .*)*", text, re.MULTILINE)
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []
    assert len(pins) > 3
    assert "://" not in text


def test_requirement_sets_agree() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        return set(re.findall(r"^([a-z0-9][\w.\[\],-]*==[^\\;\s]+)", text, re.MULTILINE))

    assert pins("worker") <= pins("train") <= pins("test")
    assert pins("worker") <= pins("msk") <= pins("test")
    assert pins("worker") <= pins("otel") <= pins("test")
    assert pins("worker") <= pins("forms") <= pins("gateway") <= pins("test")
    assert pins("worker") <= pins("client") <= pins("gateway")
    assert pins("sbom") <= pins("test")


def required(name: str) -> list[str]:
    """What requirements/NAME.in requires itself, without its reasons."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line and not line.startswith(("#", "-r ", "-c "))]


def test_package_declares_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    builds = [line for line in required("worker") if line.startswith("setuptools")]
    assert [*project["dependencies"], *builds] == required("worker")
    extras = project["optional-dependencies"]
    assert extras.pop("dev") == ["mmdigit[train,msk,otel,client,gateway]", *required("test")]
    assert extras.pop("gateway") == ["mmdigit[forms]", *required("gateway")]
    assert extras == {name: required(name) for name in ("train", "msk", "otel", "forms", "client")}


def test_package_ranges_include_the_pins() -> None:
    for name in ("worker", "train", "msk", "otel", "forms", "gateway"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        pins = dict(re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,]+\])?==([^\\;\s]+)", text, re.MULTILINE))
        for each in map(Requirement, required(name)):
            assert {"<", "=="} & {clause.operator for clause in each.specifier}, each
            assert each.specifier.contains(pins[canonicalize_name(each.name)]), each


def fake_python(folder: Path, script: str) -> Path:
    path = folder / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            'case "$*" in *version_info*) exit 1;; *--version*) echo "Python 3.9.2";; esac',
            "expected Python 3.11 or newer, got Python 3.9.2",
        ),
        ('case "$*" in *ensurepip*) exit 1;; esac', "on Debian, run apt-get install python3-venv"),
        ("", ""),
    ],
    ids=["old", "no-venv", "absent"],
)
def test_make_names_a_wrong_python(tmp_path: Path, script: str, message: str) -> None:
    python = fake_python(tmp_path, script) if script else tmp_path / "absent"
    made = subprocess.run(
        ["make", "demo", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 2
    first = made.stderr.splitlines()[0]
    assert first.startswith("make: expected Python")
    assert message in first
