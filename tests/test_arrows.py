"""Imports point one way: the arrows of docs/design/architecture.md, and who may import which library."""

import ast
import tomllib
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BASE = {"schemas", "mmdigit.files"}
_CORE = {*_BASE, "mmdigit.settings"}
_ADAPTER = {*_CORE, "mmdigit.transport"}
_CONSUMING = "mmdigit.consuming"
_ROOMS = {*_CORE, "mmdigit.telemetry", "mmdigit.datasets", "mmdigit.reading", "mmdigit.transport"}
_READING = {"mmdigit.reading.image", "mmdigit.reading.audio"}
_ADAPTERS = {"mmdigit.transport.kafka", "mmdigit.transport.redis", "mmdigit.transport.sqlite"}
_FORMS = {
    "template": "",
    "printing": "template",
    "pages": "",
    "registration": "template printing pages",
    "adopt": "template pages registration",
    "loading": "template adopt",
    "cells": "template registration",
    "fields": "template cells",
    "free": "template registration cells fields",
    "spoken": "template cells fields",
    "store": "pages cells fields spoken",
    "sheets": "template printing pages registration adopt cells fields spoken store",
    "table": "template store sheets",
    "reviewing": "template cells fields store table",
    "collecting": "template fields store reviewing",
    "reading": "template printing pages cells fields store sheets table collecting spoken free",
    "sending": "template pages spoken sheets",
    "worker": "template pages loading cells spoken free store sheets",
    "__main__": "worker",
}
"""The rooms of mmdigit/forms, and which of those above it each may import."""
_TRAINING = {
    "plan": "",
    "measures": "",
    "output": "",
    "data": "plan",
    "fit": "plan measures output data",
    "evaluate": "plan measures output data fit",
    "release": "measures output data fit evaluate",
    "study": "plan measures output data fit evaluate release",
}
"""The rooms of mmdigit/training, likewise."""


def _forms(rooms: Iterable[str]) -> set[str]:
    return {f"mmdigit.forms.{room}" for room in rooms}


def _training(rooms: Iterable[str]) -> set[str]:
    return {f"mmdigit.training.{room}" for room in rooms}


_PRODUCT = {
    *_ROOMS,
    *_READING,
    *_ADAPTERS,
    _CONSUMING,
    "mmdigit.numbers",
    "mmdigit.sending",
    "mmdigit.training",
    *_training(_TRAINING),
    "mmdigit.database",
    *_forms(_FORMS),
    "mmdigit.gateway",
    "mmdigit.webapp",
    "mmdigit.client",
    "mmdigit.commands",
    "mmdigit",
    "worker",
    "producer",
}

ALLOWED: dict[str, set[str]] = {
    "schemas": set(),
    "mmdigit.files": {"schemas"},
    "mmdigit.settings": _BASE,
    "mmdigit.telemetry": _CORE,
    "mmdigit.datasets": _BASE,
    "mmdigit.reading.image": {*_BASE, "mmdigit.reading"},
    "mmdigit.reading.audio": {*_BASE, "mmdigit.reading"},
    "mmdigit.reading": {*_BASE, *_READING},
    "mmdigit.numbers": {*_BASE, *_READING, "mmdigit.reading"},
    "mmdigit.transport.kafka": _ADAPTER,
    "mmdigit.transport.redis": _ADAPTER,
    "mmdigit.transport.sqlite": _ADAPTER,
    "mmdigit.transport": {*_CORE, *_ADAPTERS},
    "mmdigit.training": set(),
    **{
        f"mmdigit.training.{room}": {
            *{*_CORE, *_READING, "mmdigit.datasets", "mmdigit.reading"},
            *_training(others.split()),
        }
        for room, others in _TRAINING.items()
    },
    "mmdigit.sending": _CORE,
    _CONSUMING: {*_CORE, "mmdigit.telemetry", "mmdigit.transport"},
    "mmdigit.database": _CORE,
    "mmdigit.forms": set(),
    **{
        f"mmdigit.forms.{room}": {
            *_ROOMS - {"mmdigit.datasets"},
            *{_CONSUMING, "mmdigit.database", "mmdigit.sending", "mmdigit.reading.image"},
            *({"mmdigit.numbers", "mmdigit.reading.audio"} if room in ("spoken", "free", "reading") else ()),
            *_forms(others.split()),
        }
        for room, others in _FORMS.items()
    },
    "mmdigit.webapp": set(),
    "mmdigit.client": _CORE,
    "mmdigit.gateway": {
        *_ROOMS - {"mmdigit.reading"},
        _CONSUMING,
        "mmdigit.database",
        *_forms(_FORMS),
    },
    "mmdigit.commands": {
        *_CORE,
        "mmdigit.sending",
        "mmdigit.datasets",
        "mmdigit.reading",
        "mmdigit.reading.audio",
        "mmdigit.numbers",
        "mmdigit.transport",
        *_forms(_FORMS),
        "mmdigit.gateway",
        *_training(_TRAINING),
    },
    "mmdigit": {*_CORE, *_READING, "mmdigit.reading", "mmdigit.commands"},
    "worker": {*_ROOMS - {"mmdigit.datasets"}, _CONSUMING},
    "producer": {*_ROOMS - {"mmdigit.reading"}, "mmdigit.sending"},
    "samples": {*_CORE, *_forms(_FORMS), "mmdigit.numbers", "mmdigit.client"},
    "deploy": {*_CORE, "mmdigit.transport"},
    "lab": {*_PRODUCT, "samples"},
    "tests": {*_PRODUCT, "samples", "deploy", "lab"},
}
"""Each room and the rooms that it may import, besides itself; a package belongs to the room with the longest name."""

WHEEL = ("schemas", "mmdigit", "worker", "producer")

ONLY_IN = {
    "kafka": ["mmdigit.transport.kafka"],
    "redis": ["mmdigit.transport.redis"],
    "sqlite3": ["mmdigit.transport.sqlite", "mmdigit.database"],
    # The API, which does nothing by itself, where a trace is read or a span is made; what exports spans in one place.
    "opentelemetry": ["schemas.trace", "mmdigit.telemetry", "worker.tracing", "worker.outcomes", "producer.tracing"],
    "opentelemetry.sdk": ["mmdigit.telemetry.otlp"],
    "opentelemetry.exporter": ["mmdigit.telemetry.otlp"],
    "torch": ["mmdigit.training"],
    "torchvision": ["mmdigit.training"],
    "torchaudio": ["mmdigit.training"],
    "pooch": ["mmdigit.training"],
    "yaml": ["mmdigit.forms.template"],
    "reportlab": ["mmdigit.forms.printing"],
    "segno": ["mmdigit.forms.printing"],
    "zxingcpp": ["mmdigit.forms.sheets"],
    "pypdfium2": ["mmdigit.forms.pages"],
    "stdnum": ["mmdigit.forms.template"],
    "sqlalchemy": ["mmdigit.database", "mmdigit.forms.store", "mmdigit.gateway.registry"],
    "psycopg": ["mmdigit.database"],
    "jwt": ["mmdigit.gateway.access"],
    "fastapi": ["mmdigit.gateway"],
    "starlette": ["mmdigit.gateway"],
    "uvicorn": ["mmdigit.gateway.serving"],
    "uvloop": ["mmdigit.gateway"],
    "httptools": ["mmdigit.gateway.serving"],
    "httpx": ["mmdigit.gateway", "mmdigit.client"],
    "fsspec": ["mmdigit.forms.sending"],
    "pyarrow": ["mmdigit.forms.table", "mmdigit.forms.sending", "mmdigit.gateway.routes.export"],
    "pickle": [],
}
"""Which rooms of the product may import a library."""


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    _name(path): path
    for top in sorted({room.partition(".")[0] for room in ALLOWED})
    for path in (ROOT / top).rglob("*.py")
}
PRODUCT = {name: path for name, path in MODULES.items() if name.partition(".")[0] in WHEEL}


def room_of(module: str) -> str:
    """The room with the longest name that the module's begins with."""
    return max((room for room in ALLOWED if f"{module}.".startswith(f"{room}.")), key=len)


def imported(path: Path) -> Iterator[str]:
    """Every module that the file imports, anywhere in it: the project's own in full, others as written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


IMPORTS = {name: set(imported(path)) for name, path in MODULES.items()}


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_follow_the_arrows(room: str) -> None:
    wrong = [
        f"{name} imports {other}"
        for name in MODULES
        if room_of(name) == room
        for other in IMPORTS[name] & set(MODULES)
        if room_of(other) not in {room, *ALLOWED[room]}
    ]
    assert wrong == []


def test_rooms_of_forms_import_those_above() -> None:
    rooms = list(_FORMS)
    assert [room for room, others in _FORMS.items() if not {*others.split()} <= {*rooms[: rooms.index(room)]}] == []


def test_imports_form_no_circle() -> None:
    try:
        TopologicalSorter({name: IMPORTS[name] & set(MODULES) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}", pytrace=False)


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_rooms(library: str) -> None:
    users = {name for name in PRODUCT if any(f"{module}.".startswith(f"{library}.") for module in IMPORTS[name])}
    assert [name for name in users if not any(f"{name}.".startswith(f"{room}.") for room in ONLY_IN[library])] == []


def test_rooms_cover_every_folder_with_modules() -> None:
    environments = {path.parent.name for path in ROOT.glob("*/pyvenv.cfg")}
    folders = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py")} - environments
    assert {folder for folder in folders if not folder.startswith((".", "build", "site"))} == {
        room.partition(".")[0] for room in ALLOWED
    }


def test_wheel_includes_every_package() -> None:
    """And what is inside each: tests/test_wheel.py."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert [pattern.removesuffix("*") for pattern in found["include"]] == list(WHEEL)


def test_modules_state_their_job_first() -> None:
    files = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    assert [
        name for name, text in files.items() if text and not (ast.get_docstring(ast.parse(text)) or "").strip()
    ] == []


def test_modules_stay_small() -> None:
    large = {name: n for name, path in PRODUCT.items() if (n := len(path.read_text().splitlines())) > 320}
    assert large == {}


@pytest.mark.parametrize("name", PRODUCT)
def test_nothing_is_unpickled(name: str) -> None:
    """torch.load takes weights alone; numpy.load does not unpickle unless it is told to."""
    for node in ast.walk(ast.parse(PRODUCT[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if ast.unparse(node.func) == "torch.load":
                assert said.get("weights_only") == "True", f"line {node.lineno}"
            assert said.get("allow_pickle", "False") == "False", f"line {node.lineno}"
