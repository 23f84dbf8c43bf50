"""The wheel works where nothing but it and its declared dependencies are installed, and it builds without a warning."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from schemas import VERSION

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PATTERNS = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
PACKAGES = [path.parent for pattern in PATTERNS for path in sorted(ROOT.glob(f"{pattern}/__init__.py"))]
EXTRAS = ("train", "msk", "otel", "forms", "gateway")
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
IMAGE, CLIP = (str(ROOT / "samples" / "pack" / name) for name in ("images/7_00.png", "audio/7_00.wav"))


def outside() -> dict[str, str]:
    """An environment that knows neither the checkout nor a package index."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MMDIGIT_", "PIP_", "PYTHON"))}
    return kept | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def copy_of_the_tree(folder: Path) -> Path:
    """What a build reads, without what earlier builds left in the checkout."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def build(hook: str, source: Path, output: Path) -> Path:
    """Call a hook of the build backend as pip does, each warning an error."""
    command = [sys.executable, "-W", "error", "-c", BUILD, hook, str(output)]
    built = subprocess.run(command, cwd=source, env=outside(), check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [wheel] = output.glob("*.whl")
    return wheel


def requirements_of(name: str, extras: frozenset[str] = frozenset()) -> list[Requirement]:
    """What an installed distribution requires here, with these extras."""
    found = [Requirement(line) for line in metadata.requires(name) or []]
    return [
        each
        for each in found
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


def with_what_they_require(declared: list[str]) -> set[str]:
    """The names of the declared distributions and of all that they require in turn."""
    pending = [Requirement(line) for line in declared]
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        each = pending.pop()
        key = canonicalize_name(each.name), frozenset(each.extras)
        if key not in seen:
            seen.add(key)
            pending += requirements_of(*key)
    return {name for name, _ in seen}


def link_distributions(names: set[str], site_packages: Path) -> None:
    """Install what is installed here already, by a link for each of its folders and modules."""
    for name in names:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (site_packages / top).exists():
                (site_packages / top).symlink_to(str(distribution.locate_file(top)))


@dataclass(frozen=True)
class Installed:
    """An environment of its own, and a folder outside the checkout."""

    wheel: Path
    scripts: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """What it writes to standard output; fails the test if it exits with an error."""
        ran = subprocess.run(
            [self.scripts / program, *arguments],
            cwd=self.folder,
            env=outside(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("outside")
    wheel = build("build_wheel", copy_of_the_tree(tmp_path_factory.mktemp("tree")), tmp_path_factory.mktemp("dist"))
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    [site_packages] = home.glob("lib/python3*/site-packages")
    link_distributions(with_what_they_require(PROJECT["project"]["dependencies"]), site_packages)
    python = str(home / "bin" / "python")
    # Not --no-deps: without an index pip refuses a requirement that is not there already.
    for command in (["install", "--quiet", str(wheel)], ["check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "pip", "--python", python, *command],
            env=outside(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return Installed(wheel, home / "bin", folder)


@pytest.mark.parametrize("hook", ["build_wheel", "build_editable"])
def test_build_gives_no_warning(hook: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    build(hook, copy_of_the_tree(tmp_path / "tree"), tmp_path)


def test_wheel_holds_every_file_of_the_packages_and_no_other(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    files = (path for package in PACKAGES for path in package.rglob("*") if path.is_file())
    expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {f"{package.name}/py.typed" for package in PACKAGES} <= expected
    page = {"index.html", "js/main.js", "css/base.css", "texts/de/read.js"}
    assert {f"mmdigit/webapp/{name}" for name in page} <= expected
    for folder in ("vendor", "clips"):
        assert any(name.startswith(f"mmdigit/webapp/{folder}/") for name in expected)


def test_installed_version_is_the_projects(installed: Installed) -> None:
    asked = "from importlib.metadata import version; print(version('mmdigit'))"
    assert installed.run("python", "-c", asked).strip() == VERSION


def test_installed_command_predicts(installed: Installed) -> None:
    answer = json.loads(installed.run("mmdigit", "predict", "--image", IMAGE, "--audio", CLIP))
    assert (answer["image"]["label"], answer["audio"]["label"], answer["label"]) == (7, 7, 7)


def test_installed_library_predicts(installed: Installed) -> None:
    program = "import mmdigit, sys; print(mmdigit.__file__, mmdigit.load().predict(*sys.argv[1:]).label)"
    place, label = installed.run("python", "-c", program, IMAGE, CLIP).split()
    assert Path(place).is_relative_to(installed.scripts.parent)
    assert label == "7"


@pytest.mark.parametrize("program", ["worker", "producer"])
def test_installed_program_has_help(installed: Installed, program: str) -> None:
    assert f"usage: python -m {program} " in installed.run("python", "-m", program, "--help")


def test_installed_producer_and_worker_answer_a_job(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(f"id,image,audio,label\nseven,{IMAGE},{CLIP},7\n")
    url, output = f"sqlite:///{tmp_path}/jobs.db", tmp_path / "answers.csv"
    send = ["-m", "producer", "--from", str(tmp_path / "pairs.csv"), "--to", url, "--journal-dir", str(tmp_path)]
    assert "1 sent and acknowledged" in installed.run("python", *send)
    worker = ["--from", url, "--store", url, "--exit-when-idle-s", "0.5", "--metrics-port", "0"]
    installed.run("python", "-m", "worker", *worker)
    collected = installed.run("python", *send, "--wait", "--store", url, "--output", str(output))
    assert "1 answered, 0 dead, 0 missing" in collected


def imported(path: Path) -> Iterator[str]:
    """The modules of all imports, anywhere in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def distribution_of(module: str, known: Mapping[str, list[str]]) -> str:
    """The distribution that a module is from; several share a namespace such as opentelemetry."""
    candidates = sorted(set(known.get(module.partition(".")[0], [f"no distribution of {module}"])))
    if len(candidates) > 1:
        files = {f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")}
        candidates = [name for name in candidates if files & {str(path) for path in metadata.files(name) or ()}]
    return str(canonicalize_name(candidates[0]))


def distributions_of(path: Path, known: Mapping[str, list[str]]) -> set[str]:
    """The distributions that a module imports, by their normal names."""
    inside = {package.name for package in PACKAGES} | sys.stdlib_module_names
    return {distribution_of(module, known) for module in imported(path) if module.partition(".")[0] not in inside}


def declared(lines: list[str]) -> set[str]:
    """The names of the distributions that they declare, and of those that come by extras: kafka-python[lz4] -> lz4."""
    names = set()
    for each in map(Requirement, lines):
        plain = {other.name for other in requirements_of(each.name)}
        by_extras = {other.name for other in requirements_of(each.name, frozenset(each.extras))} - plain
        names |= {str(canonicalize_name(name)) for name in {each.name, *by_extras}}
    return names


def test_every_import_is_declared(installed: Installed) -> None:
    """Also those of modules that need an extra; all other modules are imported without any."""
    base = declared(PROJECT["project"]["dependencies"])
    extras = declared([line for name in EXTRAS for line in PROJECT["project"]["optional-dependencies"][name]])
    known = metadata.packages_distributions()
    plain, imports = [], set()
    for path in (path for package in PACKAGES for path in sorted(package.rglob("*.py"))):
        used = distributions_of(path, known)
        assert used <= base | extras, path
        imports |= used
        if not used & extras and not {"training", "forms", "gateway", "client"} & set(path.parts):
            plain.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    installed.run("python", "-c", "import importlib, sys; [*map(importlib.import_module, sys.argv[1:])]", *plain)
    assert {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]} <= imports
