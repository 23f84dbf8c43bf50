"""SECURITY.md: every row of the threats names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text()


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_security_page_names_existing_tests() -> None:
    [table] = re.findall(r"^\| threat \|.*?\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = table.splitlines()[1:]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, f"no test in: {row}"
        for path, name in named:
            assert name in names_in(ROOT / path), f"{path} has no {name}"
