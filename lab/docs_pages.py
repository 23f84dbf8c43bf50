"""Writes the generated pages of docs/: some from the code, some from results. A test holds them current."""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings.sources.types import _CliPositionalArg

import mmdigit
import schemas
from lab.benchmarks import sizing_page
from lab.benchmarks.gateway import page as gateway_page
from lab.benchmarks.lines import page as lines_page
from lab.benchmarks.strings import page as strings_page
from lab.faults import report
from lab.fuzz.__main__ import table
from mmdigit import client, transport
from mmdigit.cli import COMMANDS
from mmdigit.forms.collecting.metrics import FORM_METRICS
from mmdigit.forms.worker.metrics import METRICS as PAGE_METRICS
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.metrics import METRICS as GATEWAY_METRICS
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.access_settings import AccessSettings
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.environment import ENV_PREFIX
from mmdigit.telemetry.metrics import Metric
from producer import metrics as run_metrics
from producer.settings import ProducerSettings
from worker.metrics import METRICS
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "lab" / "results"
HEAD = "| flag | default | meaning |\n|---|---|---|\n"
PYTHON_EXAMPLE = """\
import mmdigit

reader = mmdigit.load()
answer = reader.predict(image="samples/pack/images/7_00.png", audio="samples/pack/audio/7_00.wav")
print(answer.label, answer.decision)  # 7 accept
"""


def settings_page() -> str:
    """A table of each service, one of all commands of `mmdigit`, and one of what talks to Kafka and Redis."""
    parts = [
        "# Settings\n\nFlags win over variables, variables over defaults. The variable of `--batch-size` is "
        "`MMDIGIT_BATCH_SIZE`, and so on for every flag; a secret has a variable but no flag. A "
        "variable that starts with `MMDIGIT_` and that no program knows is an error (exit code 2). "
        "[Exit codes](operations.md#exit-codes) are the same for all programs.\n"
    ]
    services: list[type[ProgramSettings]] = [
        *(WorkerSettings, ReplaySettings, ShadowSettings, PageWorkerSettings, ProducerSettings, GatewaySettings)
    ]
    for program in services:
        parts.append(f"\n## {program.prog}\n\n{purpose(program)} Also [access](#access-to-kafka-and-redis).\n\n")
        parts.append(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows(program, AccessSettings)))
    parts.append("\n## mmdigit\n\n`-o` is short for `--output`, `-n` for `--count`.\n\n| command | |\n|---|---|\n")
    parts += [f"| `{name}` | {purpose(program)} |\n" for name, program in COMMANDS.items()]
    takes: dict[tuple[str, ...], list[str]] = {}
    for name, program in COMMANDS.items():
        for row in rows(program, AccessSettings):
            takes.setdefault(row, []).append(f"`{name}`")
    parts.append("\n| flag | default | meaning | commands |\n|---|---|---|---|\n")
    parts += [f"| {' | '.join(row)} | {', '.join(names)} |\n" for row, names in takes.items()]
    parts.append(
        "\n`show` and `form collect` also take the settings of access to Redis.\n\n## Access to Kafka and Redis\n\n"
        "[Access](access.md) says which of them you need.\n\n"
    )
    parts.append(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows(AccessSettings)))
    return "".join(parts)


def purpose(program: type[ProgramSettings]) -> str:
    """What the program says of itself: the first paragraph of its docstring."""
    return " ".join((inspect.getdoc(program) or "").partition("\n\n")[0].split())


def rows(program: type[ProgramSettings], without: type[ProgramSettings] = ProgramSettings) -> list[tuple[str, ...]]:
    """Flag, default and meaning of each setting that `without` lacks."""
    found: list[tuple[str, ...]] = []
    for name, field in program.model_fields.items():
        if name in without.model_fields:
            continue
        alias = str(field.validation_alias or name)
        if name in program.secrets():
            flag = f"{ENV_PREFIX}{alias.upper()}"
        else:
            flag = alias.upper() if _CliPositionalArg in field.metadata else f"--{alias.replace('_', '-')}"
        default = "-" if field.default in (None, ()) else f"`{field.default}`"
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        found.append((f"`{flag}`", "required" if field.default is PydanticUndefined else default, meaning))
    return found


def metrics_page() -> str:
    """A table of every program's metrics."""

    def rows(metrics: Sequence[Metric]) -> str:
        return "".join(
            f"| `{metric.name}` | {metric.kind} | {metric.unit or '-'} | "
            f"{', '.join(f'`{label}`' for label in metric.labels) or '-'} | {metric.help} |\n"
            for metric in metrics
        )

    head = "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
    return (
        "# Metrics\n\nThe worker serves them at `/metrics`, beside `process_*` (CPU, memory, files) and `python_info`. "
        "No label holds a job id. With `--processes`, every metric also has the label `process`: 0, 1, ...\n\n"
        f"{head}{rows(METRICS)}\n"
        f"The page worker serves these instead:\n\n{head}{rows(PAGE_METRICS)}\n"
        f"The gateway serves these, beside `process_*` and `python_info`; `operation` is the path's template:\n\n"
        f"{head}{rows(GATEWAY_METRICS)}\n"
        "`mmdigit form collect --follow` serves these, beside `process_*` and `python_info`:\n\n"
        f"{head}{rows(FORM_METRICS)}\n"
        "A producer with `--metrics-port` serves one more while it runs, for its own group:\n\n"
        f"{head}"
        f"| `{run_metrics.NAME}` | gauge | - | {', '.join(f'`{label}`' for label in run_metrics.LABELS)} "
        f"| {run_metrics.HELP} |\n"
    )


def python_page() -> str:
    """One table a package: its public names, and the first sentence of what each says of itself."""
    parts = [
        "# Python API\n\n"
        f"Read one digit in your own process:\n\n```python\n{PYTHON_EXAMPLE}```\n\n"
        "The answer is a `schemas.Answer`; the errors are defined in `schemas.errors`. The model reads "
        "`image`, `audio` or both:\n\n"
        f"{arguments(mmdigit.DigitReader.predict)}\n"
        "What this page names keeps its meaning within a major version; everything else may change. The "
        "packages are typed.\n"
    ]
    for package in (schemas, mmdigit, transport, client):
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


def api_results_page() -> str:
    """The last result of `make bench-api`."""
    return gateway_page.page(json.loads((RESULTS / "gateway.json").read_text(encoding="utf-8")))


def lines_results_page() -> str:
    """The last results of lab.benchmarks.lines."""
    names = ("lines.json", "printed_lines.json")
    return lines_page.page(*(json.loads((RESULTS / name).read_text(encoding="utf-8")) for name in names))


def fuzz_page() -> str:
    """The last result of `make fuzz`."""
    result = json.loads((RESULTS / "fuzz.json").read_text(encoding="utf-8"))
    settings = result["settings"]
    return (
        "# Fuzzing\n\n`make fuzz` runs each parser in its own process on inputs that atheris mutates towards new "
        f"coverage: here {settings['runs']:,} runs or {settings['minutes']:g} minutes each, whichever came first. "
        "[targets.py](../../lab/fuzz/targets.py) states what each target does and which errors it documents; any "
        "other error is a crash. Coverage counts Python branches, ours and Pillow's; C code does not guide the "
        "search. *Slowest input* is CPU time; *memory* is the whole process's, most of it atheris's own.\n\n"
        + table(result)
        + "\n"
    )


PAGES = {
    "operate/settings.md": settings_page,
    "operate/metrics.md": metrics_page,
    "use/python.md": python_page,
    "results/fuzz.md": fuzz_page,
    "results/gateway.md": api_results_page,
    "results/lines.md": lines_results_page,
    "results/faults.md": faults_page,
    "results/strings.md": lambda: strings_page.page(
        *(json.loads((RESULTS / f"{name}.json").read_text()) for name in ("strings", "spoken_fields", "worded"))
    ),
    "operate/sizing.md": sizing_page.page,
}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (ROOT / "docs" / file_name).write_text(page(), encoding="utf-8")
