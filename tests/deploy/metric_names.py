"""Metrics named in a text, and metrics that workers, collector, gateway, producer and rules define."""

import re

from mmdigit.forms.collecting.metrics import FORM_METRICS
from mmdigit.forms.worker.metrics import METRICS as PAGE_METRICS
from mmdigit.gateway.metrics import METRICS as GATEWAY_METRICS
from producer import metrics as run_metrics
from tests.deploy.engine import ROOT
from worker.metrics import METRICS

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"


def known() -> set[str]:
    """Every mmdigit series in Prometheus: metrics of each program, and recorded ones."""
    series = {run_metrics.NAME, *re.findall(r"record: (\S+)", RULES.read_text(encoding="utf-8"))}
    for metric in (*METRICS, *PAGE_METRICS, *FORM_METRICS, *GATEWAY_METRICS):
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        series |= {metric.name + part for part in parts}
    return series


def named(text: str) -> set[str]:
    """Every name in text that looks like an mmdigit series."""
    return set(re.findall(r"\bmmdigit[_:][a-z0-9_:]+", text))
