"""Each command of benchmarks, faults and fuzz starts. The suite does not test what they measure."""

import importlib
import re
from pathlib import Path

import pytest

LAB = Path(__file__).parents[3] / "lab"
PROGRAMS = [
    ".".join(("lab", *path.relative_to(LAB).with_suffix("").parts))
    for folder in ("benchmarks", "faults", "fuzz")
    for path in sorted((LAB / folder).rglob("*.py"))
    if re.search(r"argparse|arguments\(", text := path.read_text()) and '__name__ == "__main__"' in text
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_command_prints_its_help(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        importlib.import_module(program).main(["--help"])
    assert exited.value.code == 0
    assert f"python -m {program.removesuffix('.__main__')} " in capsys.readouterr().out


def test_commands_are_found_in_every_package() -> None:
    packages = {"lab.benchmarks.peers.__main__", "lab.faults.__main__", "lab.fuzz.__main__"}
    assert packages | {"lab.benchmarks.sizing", "lab.faults.soak"} < {*PROGRAMS}
