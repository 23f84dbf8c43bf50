"""Each command line of benchmarks, faults and fuzz starts; what they measure is no test's business."""

import importlib
import re
from pathlib import Path

import pytest

LAB = Path(__file__).parents[3] / "lab"
PROGRAMS = [
    f"lab.{path.parent.name}.{path.stem}"
    for folder in ("benchmarks", "faults", "fuzz")
    for path in sorted((LAB / folder).glob("*.py"))
    if re.search(r"argparse|arguments\(", text := path.read_text()) and '__name__ == "__main__"' in text
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_says_how_it_is_used(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(program).main(["--help"])
    assert ended.value.code == 0
    assert f"python -m {program.removesuffix('.__main__')} " in capsys.readouterr().out


def test_none_is_left_out() -> None:
    assert {"lab.benchmarks.sizing", "lab.faults.__main__", "lab.faults.soak", "lab.fuzz.__main__"} < {*PROGRAMS}
