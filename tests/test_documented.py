"""Every setting, metric, command and public name is documented, and nothing else is."""

import importlib
import re
import types
from pathlib import Path

import pytest

from lab.docs_pages import PAGES
from mmdigit.cli import COMMANDS
from mmdigit.consuming.stopping import EXIT_UNFINISHED
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.environment import ENV_PREFIX, KNOWN_VARIABLES
from producer.settings import ProducerSettings
from schemas import errors
from schemas.errors import InvalidJob, MmdigitError
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

ROOT = Path(__file__).parents[1]
PROGRAMS: list[type[ProgramSettings]] = [
    WorkerSettings,
    ReplaySettings,
    ShadowSettings,
    PageWorkerSettings,
    ProducerSettings,
    GatewaySettings,
    *COMMANDS.values(),
]
PUBLIC = ["schemas", "mmdigit", "mmdigit.transport", "mmdigit.client"]
CLIENT = {"MMDIGIT_TOKEN", "MMDIGIT_TOKEN_FILE"}
TESTS_ONLY = {"MMDIGIT_REQUIRE_DOCKER", "MMDIGIT_REQUIRE_TERRAFORM"}


def variables(program: type[ProgramSettings]) -> set[str]:
    return {f"{ENV_PREFIX}{(field.validation_alias or name)}".upper() for name, field in program.model_fields.items()}


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), f"{name}: run `make docs`"


def test_every_setting_says_what_it_means() -> None:
    for program in PROGRAMS:
        for name, field in program.model_fields.items():
            assert field.description, f"{program.__name__}.{name} has no description"


def test_command_line_page_names_every_command() -> None:
    page = (ROOT / "docs" / "use" / "cli.md").read_text()
    assert [name for name in COMMANDS if f"{name}`" not in page and f"mmdigit {name} " not in page] == []


def test_known_variables_are_those_of_the_settings_classes() -> None:
    services = set().union(*(variables(program) for program in PROGRAMS if program not in COMMANDS.values()))
    commands = set().union(*(variables(program) for program in COMMANDS.values()))
    assert services <= KNOWN_VARIABLES
    assert (services | commands | CLIENT | TESTS_ONLY).issuperset(KNOWN_VARIABLES)


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    def leaves(kind: type[InvalidJob]) -> set[type[InvalidJob]]:
        return {kind}.union(*(leaves(child) for child in kind.__subclasses__()))

    page = (ROOT / "docs" / "operate" / "operations.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {
        kind.reason for kind in leaves(InvalidJob) - {InvalidJob}
    }


def test_operators_find_every_alert_and_exit_code() -> None:
    page = (ROOT / "docs" / "operate" / "operations.md").read_text()
    alerts = re.findall(r"alert: (\w+)", (ROOT / "deploy" / "prometheus" / "rules.yml").read_text())
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == alerts
    codes = {
        kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MmdigitError)
    }
    assert codes | {0, EXIT_UNFINISHED} <= set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE)))


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_exactly_those_exported(package: str) -> None:
    module = importlib.import_module(package)
    assert all(hasattr(module, name) for name in module.__all__)  # loads those that are loaded when asked for
    named = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert sorted(named) == sorted(module.__all__)


def test_every_command_of_make_is_in_its_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    helped = re.findall(r"^([\w-]+):.*## ", makefile, re.MULTILINE)
    assert sorted(phony.split()) == sorted(helped)


def test_every_benchmark_of_make_is_explained() -> None:
    [with_data] = re.findall(r"^BENCHMARKS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    page = (ROOT / "docs" / "results" / "benchmarks.md").read_text()
    explained = re.findall(r"^\| `python -m lab\.benchmarks\.(\w+)` \|", page, re.MULTILINE)
    assert explained == ["model_only", *with_data.split(), "peers", "backfill"]  # the last two by `make peers`


def pages() -> list[Path]:
    """Every page of the documentation, inside docs/ and outside."""
    inside = [path for room in ("docs", "deploy", "samples") for path in (ROOT / room).rglob("*.md")]
    return [*ROOT.glob("*.md"), *inside]


def anchors(page: Path) -> set[str]:
    """The names by which GitHub and the site link to a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in pages():
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
            path = page.parent / target if target else page
            assert path.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}"


def test_files_and_modules_named_in_the_documentation_exist() -> None:
    rooms = "schemas|mmdigit|worker|producer|deploy|lab|samples|tests|docs"
    names = {path.name for room in rooms.split("|") for path in (ROOT / room).rglob("*.py")}
    for page in pages():
        if page.name == "CHANGELOG.md":
            continue  # it names what was there then
        text = page.read_text()
        for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", text):
            assert (ROOT / path).exists() or (page.parent / path).exists(), f"{page.name} names {path}"
        assert set(re.findall(r"`(\w+\.py)`", text)) <= names, page.name
        for module in re.findall(rf"python -m ((?:{rooms})[\w.]*)", text):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{page.name} runs {module}"
