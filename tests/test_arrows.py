"""Imports point one way: the arrows of the floor plan, and who may import which library."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "schemas": set(),
    "mmdigit": {"schemas"},
    "transport": {"schemas"},
    "worker": {"schemas", "mmdigit", "transport"},
    "producer": {"schemas", "mmdigit", "transport"},
}
ALSO = {"mmdigit/show.py": {"transport"}}
"""A file's arrows beside its package's: a command of `mmdigit` that reads the store, and nothing that predicts."""

ONLY_IN = {
    "kafka": ["transport/kafka"],
    "redis": ["transport/redis"],
    "sqlite3": ["transport/embedded"],
    # The API, which does nothing by itself, where a trace is read or a span is made; what exports spans in one place.
    "opentelemetry": [
        *("schemas/trace", "transport/spans", "transport/otlp"),
        *("worker/tracing", "worker/outcomes", "producer/tracing"),
    ],
    "opentelemetry.sdk": ["transport/otlp"],
    "opentelemetry.exporter": ["transport/otlp"],
    "torch": ["mmdigit/training/"],
    "torchvision": ["mmdigit/training/"],
    "torchaudio": ["mmdigit/training/"],
    "pickle": [],
}


def modules() -> list[Path]:
    return [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """The full names of all absolute imports, wherever in the file they stand."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    package = place.partition("/")[0]
    names = set(imported(path))
    inside = {name.partition(".")[0] for name in names} & {*ALLOWED, "tests", "benchmarks", "faults", "samples", "fuzz"}
    assert inside <= {package, *ALLOWED[package], *ALSO.get(place, ())}
    for library, places in ONLY_IN.items():
        if any(f"{name}.".startswith(f"{library}.") for name in names):
            assert any(place.startswith(allowed) for allowed in places), f"only {places} may import {library}"


def test_every_package_is_in_the_wheel() -> None:
    """And what is inside each: tests/test_wheel.py."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert [pattern.removesuffix("*") for pattern in found["include"]] == list(ALLOWED)


def test_every_module_says_its_job_in_its_first_line() -> None:
    silent = [path for path in modules() if not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()]
    assert silent == []


def test_modules_stay_small() -> None:
    large = {str(p.relative_to(ROOT)): n for p in modules() if (n := len(p.read_text().splitlines())) > 320}
    assert large == {}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path: Path) -> None:
    """torch.load takes weights alone; numpy.load does not unpickle unless it is told to."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if ast.unparse(node.func) == "torch.load":
                assert said.get("weights_only") == "True", f"line {node.lineno}"
            assert said.get("allow_pickle", "False") == "False", f"line {node.lineno}"
