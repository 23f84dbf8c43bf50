"""One version: schemas.VERSION. Every other place that names it agrees."""

import re
import tomllib
from pathlib import Path

import pytest

import schemas
from schemas import VERSION

ROOT = Path(__file__).parents[1]
PLACES = {
    "Dockerfile": r"^ARG VERSION=(\S+)",
    "docker-compose.yml": r"image: mmdigit:(\d[\d.]+)",
    "deploy/terraform/terraform.tfvars.example": r'^image_tag\s*= "(\S+)"',
    "deploy/README.md": r"mmdigit:(\d[\d.]+)",
    "docs/operate/deploy.md": r"(?:mmdigit|\$repository):(\d[\d.]+)",
}
"""File -> pattern that finds each mention of the version in it; there is at least one."""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_version_is_three_numbers() -> None:
    assert len(numbers(VERSION)) == 3


def test_package_takes_its_version_from_schemas() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    module, _, name = project["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    assert (module, getattr(schemas, name)) == ("schemas", VERSION)


@pytest.mark.parametrize("place", PLACES)
def test_version_is_the_same_everywhere(place: str) -> None:
    assert set(re.findall(PLACES[place], (ROOT / place).read_text(), re.MULTILINE)) == {VERSION}


def test_changelog_begins_with_this_version_or_the_next() -> None:
    headings = re.findall(r"^## (\d\S*?)(, \d{4}-\d\d-\d\d)?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    versions = [version for version, _ in headings]
    assert versions == sorted(versions, key=numbers, reverse=True)
    unreleased = [version for version, date in headings[:1] if not date]
    assert versions[len(unreleased)] == VERSION
