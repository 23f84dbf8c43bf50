"""Writes settings.md, metrics.md, api.md from code, fuzz, faults and sizing from results; a test holds them current."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings.sources.types import _CliPositionalArg

import mmdigit
import schemas
from lab.benchmarks import sizing_page
from lab.faults import report
from lab.fuzz.__main__ import table
from mmdigit import transport
from mmdigit.cli import COMMANDS
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.environment import ENV_PREFIX, KNOWN_VARIABLES
from producer import metrics as run_metrics
from producer.settings import ProducerSettings
from worker.metrics import METRICS
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

HERE = Path(__file__).parents[1] / "docs"
RESULTS = HERE.parent / "lab" / "results"
API_EXAMPLE = """\
import mmdigit

reader = mmdigit.load()
answer = reader.predict(image="samples/pack/images/7_00.png", audio="samples/pack/audio/7_00.wav")
print(answer.label, answer.decision)  # 7 accept
"""


def _word(field: FieldInfo, alias: str) -> str:
    if _CliPositionalArg in field.metadata:
        return alias.upper()
    return f"--{alias.replace('_', '-')}"


def settings_page() -> str:
    """One table a program: flag, variable, default, meaning."""
    programs: list[type[ProgramSettings]] = [
        WorkerSettings,
        ReplaySettings,
        ShadowSettings,
        ProducerSettings,
        *COMMANDS.values(),
    ]
    parts = [
        "# Settings\n\nFlags win over variables, variables over defaults. A variable that starts with `MMDIGIT_` and "
        "that stands in none of these tables is an error (exit code 2), but for `MMDIGIT_REQUIRE_DOCKER=1`, which "
        "makes a missing Docker engine a failure of the tests, and `MMDIGIT_REQUIRE_TERRAFORM=1`, which does so for "
        "Terraform.\n\n"
        "Exit codes of every program: 0 done; 1 some input failed; "
        "2 wrong settings, or a missing file, topic, model, password, certificate or right; "
        "3 broker, queue file or store not reachable; "
        "4 the worker's breaker opened: too many dead letters; 5 a worker that had to leave before its batch was "
        "finished (a second signal, or `--stop-timeout-s`); 130 interrupted.\n"
    ]
    for program in programs:
        parts.append(f"\n## {program.prog}\n\n{(program.__doc__ or '').strip()}\n")
        parts.append("\n| flag | variable | default | meaning |\n|---|---|---|---|\n")
        # A program's own settings before those that it shares with others.
        for name, field in sorted(
            program.model_fields.items(), key=lambda named: named[0] not in program.__annotations__
        ):
            alias = str(field.validation_alias or name)
            variable = f"{ENV_PREFIX}{alias.upper()}"
            cells = (
                "-" if name in program.secrets() else f"`{_word(field, alias)}`",
                f"`{variable}`" if variable in KNOWN_VARIABLES else "-",
                "required"
                if field.default is PydanticUndefined
                else "-"
                if field.default is None
                else f"`{field.default}`",
                " ".join((field.description or "").split()).replace("|", "\\|"),
            )
            parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def metrics_page() -> str:
    """One table of every metric."""
    rows = "".join(
        f"| `{metric.name}` | {metric.kind} | {metric.unit or '-'} | "
        f"{', '.join(f'`{label}`' for label in metric.labels) or '-'} | {metric.help} |\n"
        for metric in METRICS
    )
    return (
        "# Metrics\n\nThe worker serves them at `/metrics`; `process_*` (CPU, memory, files) and `python_info` stand "
        "beside them. No label ever holds a job id.\n\n"
        "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n" + rows + "\n"
        "A producer with `--metrics-port` serves one more while it runs, for its own group alone:\n\n"
        "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
        f"| `{run_metrics.NAME}` | gauge | - | {', '.join(f'`{label}`' for label in run_metrics.LABELS)} "
        f"| {run_metrics.HELP} |\n"
    )


def api_page() -> str:
    """One table a package: its public names, and the first sentence of what each says of itself."""
    parts = [
        "# Python API\n\n"
        f"Read one digit in your own process:\n\n```python\n{API_EXAMPLE}```\n\n"
        "The answer is a `schemas.Answer`; the errors are defined in `schemas.errors`. The model reads "
        "`image`, `audio` or both:\n\n"
        f"{arguments(mmdigit.DigitReader.predict)}\n"
        "Whatever stands on this page keeps its meaning within a major version; everything else may change. The "
        "packages are typed.\n"
    ]
    for package in (schemas, mmdigit, transport):
        parts.append(f"\n## {package.__name__}\n\n{package.__doc__}\n\n| name | meaning |\n|---|---|\n")
        for name in package.__all__:
            value = getattr(package, name)
            text = "the version of the project" if isinstance(value, str) else inspect.getdoc(value) or ""
            sentence = re.split(r"(?<=[.])\s|\n\n", text, maxsplit=1)[0]
            parts.append(f"| `{name}` | {' '.join(sentence.split()).replace('|', chr(92) + '|')} |\n")
    return "".join(parts)


def arguments(function: Callable[..., object]) -> str:
    """What its docstring says of each argument and of errors, as a list."""
    said = re.split(r"\n(?=\w+: |Raises )", inspect.getdoc(function) or "")[1:]
    return "".join(f"- {' '.join(each.split())}\n" for each in said)


def faults_page() -> str:
    """What `make faults` and `make soak` found."""
    return report.page(*(json.loads((RESULTS / f"{name}.json").read_text()) for name in ("faults", "soak")))


def fuzz_page() -> str:
    """The last result of `make fuzz`."""
    result = json.loads((RESULTS / "fuzz.json").read_text(encoding="utf-8"))
    settings = result["settings"]
    return (
        "# Fuzzing\n\n`make fuzz` runs each parser in a process of its own on inputs that are mutated towards new "
        f"coverage (atheris): here for {settings['runs']:,} runs or {settings['minutes']:g} minutes each, whichever "
        "came first. [targets.py](../lab/fuzz/targets.py) says what each target does and which errors it documents; "
        "whatever else comes out is a crasher. Coverage counts branches of Python, ours and Pillow's: the C of libpng, "
        "libjpeg, libsndfile, pydantic and msgpack runs, but does not guide the search. The slowest input is in CPU "
        "time; the memory is the whole process's, most of it atheris's own.\n\n" + table(result) + "\n"
    )


PAGES = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "api.md": api_page,
    "fuzz.md": fuzz_page,
    "faults.md": faults_page,
    "sizing.md": sizing_page.page,
}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (HERE / file_name).write_text(page(), encoding="utf-8")
