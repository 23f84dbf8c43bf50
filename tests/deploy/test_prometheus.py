"""Prometheus: configuration and rules are valid, alerts fire when they should, and their metrics exist."""

import re

import pytest

from tests.deploy.engine import ROOT, output
from tests.deploy.metric_names import known, named

FOLDER = ROOT / "deploy" / "prometheus"
IMAGE = "prom/prometheus:v3.5.0"


def promtool(*arguments: str) -> str:
    folders = {"/etc/prometheus": FOLDER, "/cases": ROOT / "tests" / "deploy", "/ecs": ROOT / "deploy" / "terraform"}
    mounts = [word for place, folder in folders.items() for word in ("--volume", f"{folder}:{place}:ro")]
    return output("docker", "run", "--rm", "--network", "none", *mounts, "--entrypoint", "promtool", IMAGE, *arguments)


@pytest.mark.docker
def test_configuration_and_rules_are_valid() -> None:
    assert "FAILED" not in promtool("check", "config", "/etc/prometheus/prometheus.yml")


@pytest.mark.docker
def test_ecs_configuration_is_valid() -> None:
    assert "FAILED" not in promtool("check", "config", "--syntax-only", "/ecs/prometheus-ecs.yml")


@pytest.mark.docker
def test_alerts_fire_only_when_they_should() -> None:
    promtool("test", "rules", "/cases/rules_cases.yml")


def test_rules_use_only_existing_metrics() -> None:
    rules = (FOLDER / "rules.yml").read_text(encoding="utf-8")
    expressions = re.sub(r"^ *#.*$", "", rules, flags=re.MULTILINE)
    assert named(expressions) <= known()


def test_alerts_all_have_test_cases() -> None:
    rules = (FOLDER / "rules.yml").read_text(encoding="utf-8")
    cases = (ROOT / "tests" / "deploy" / "rules_cases.yml").read_text(encoding="utf-8")
    for alert in re.findall(r"alert: (\w+)", rules):
        assert len(re.findall(rf"alertname: {alert}\b", cases)) >= 2, alert


def test_alerts_all_link_to_their_runbook() -> None:
    rules = (FOLDER / "rules.yml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "operate" / "operations.md").read_text(encoding="utf-8")
    severity = dict(re.findall(r"^### (\w+)\n\*(page|ticket)\.\*", page, re.MULTILINE))
    alerts = re.findall(r"- alert: (\w+)\n(.*?)(?=\n\n|\Z)", rules, re.DOTALL)
    assert [name for name, _ in alerts] == re.findall(r"alert: (\w+)", rules)
    for name, fields in alerts:
        assert f"runbook_url: docs/operate/operations.md#{name.lower()}\n" in f"{fields}\n", name
        assert f"severity: {severity[name]} }}" in fields, name
        assert re.search(r"summary: [\w\">]", fields), name
