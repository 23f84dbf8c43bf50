"""The error tree: complete in its picture, and nothing public stands outside it unexplained."""

import ast
from pathlib import Path

from schemas import errors

ROOT = Path(__file__).parents[2]
OUTSIDE = {"Stopped", "Problem", "Unavailable"}
"""No errors: a requested stop, an answer of the gateway, and metrics that cannot be said now."""


def test_tree_shows_every_error() -> None:
    tree = (errors.__doc__ or "").partition("`exit_code`")[0].split()
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert set(kinds) <= set(tree)


def test_public_errors_outside_the_tree_are_explained() -> None:
    found = {
        node.name
        for package in ("mmdigit", "worker", "producer")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        if {"Exception", "BaseException"} & {base.id for base in node.bases if isinstance(base, ast.Name)}
    }
    assert found == OUTSIDE
    assert all(f"`{name}`" in (errors.__doc__ or "") for name in OUTSIDE)
