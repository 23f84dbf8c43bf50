"""Grafana's files: well-formed dashboards that use the data source and existing metrics.

Grafana itself does not run here: this holds what its provisioning documents and a dashboard's JSON model ask for.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.generate import DASHBOARDS as GENERATED
from deploy.grafana.generate import dashboard_json
from tests.deploy.engine import ROOT
from tests.deploy.metric_names import known, named

FOLDER = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
GRID_COLUMNS = 24


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def test_dashboards_match_the_generator() -> None:
    assert {path.stem for path in DASHBOARDS} == set(GENERATED)
    for path in DASHBOARDS:
        assert path.read_text(encoding="utf-8") == dashboard_json(path.stem), "run `make docs`"


def test_dashboard_ids_are_fixed_and_unique() -> None:
    ids = [load(path)["uid"] for path in DASHBOARDS]
    assert ids == [f"mmdigit-{path.stem}" for path in DASHBOARDS]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_ids_titles_and_space(path: Path) -> None:
    panels = load(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert place["x"] + place["w"] <= GRID_COLUMNS, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_queries_use_existing_metrics_and_the_data_source(path: Path) -> None:
    source = (FOLDER / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8")
    for panel in load(path)["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert f"uid: {target['datasource']['uid']}\n" in source
            assert named(target["expr"]) <= known(), panel["title"]
