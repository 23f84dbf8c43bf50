"""Writes docs/settings.md and docs/metrics.md from the code; a test checks that they are current."""

from pathlib import Path

from pydantic_core import PydanticUndefined

from mmdigit.cli import COMMANDS
from producer.settings import ProducerSettings
from schemas.settings import ENV_PREFIX, ProgramSettings
from worker.metrics import METRICS
from worker.settings import WorkerSettings

HERE = Path(__file__).parent


def settings_page() -> str:
    """One table a program: flag, variable, default, meaning."""
    programs: list[type[ProgramSettings]] = [WorkerSettings, ProducerSettings, *COMMANDS.values()]
    parts = [
        "# Settings\n\nFlags win over variables, variables over defaults. A variable that starts with `MMDIGIT_` and "
        "that no program knows is an error (exit code 2). Two variables are read by the tests alone: "
        "`MMDIGIT_REQUIRE_DOCKER=1` makes a missing Docker engine a failure, `MMDIGIT_DATA` names the folder of real "
        "data.\n\nExit codes of every program: 0 done; 1 some input failed; 2 wrong settings, or a missing file, "
        "topic or model; 3 broker, queue file or store not reachable; 130 interrupted.\n"
    ]
    for program in programs:
        parts.append(f"\n## {program.prog}\n\n{(program.__doc__ or '').strip()}\n")
        parts.append("\n| flag | variable | default | meaning |\n|---|---|---|---|\n")
        for name, field in program.model_fields.items():
            alias = str(field.validation_alias or name)
            default = "required" if field.default is PydanticUndefined else f"`{field.default}`"
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            parts.append(f"| `--{alias.replace('_', '-')}` | `{ENV_PREFIX}{alias.upper()}` | {default} | {meaning} |\n")
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
        "beside them. No label ever holds a job id.\n\n| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
        + rows
    )


PAGES = {"settings.md": settings_page, "metrics.md": metrics_page}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (HERE / file_name).write_text(page(), encoding="utf-8")
