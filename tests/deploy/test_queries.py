"""Runs every query of the dashboards, rules and alerts on a Prometheus that has scraped every program.

Each has to give a number: a name, a label or a bucket that nobody exports would leave its panel empty and its alert
silent.
"""

import base64
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from testcontainers.core.container import DockerContainer

from deploy.grafana.generate import FOLDER as DASHBOARDS
from deploy.grafana.plots import query_range
from lab.kit.gateway import JSON, RunningGateway
from lab.kit.polling import until
from lab.kit.services import free_port, skip_missing_ryuk
from mmdigit.transport.urls import open_publisher
from samples.demo import PACK
from samples.running import RunningWorker
from tests.deploy.engine import ROOT
from tests.deploy.form_run import FormRun
from tests.deploy.test_prometheus import FOLDER, IMAGE

pytestmark = pytest.mark.docker

JOBS, RATE = 300, 100
SELECTOR = re.compile(r"\b(?:mmdigit[_:][\w:]+|process_\w+|up)\b(?:\{[^}]*\})?")
CONFIGURATION = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [/etc/mmdigit/rules.yml]
scrape_configs:
  - {{ job_name: mmdigit-worker, static_configs: [{{ targets: ["{worker}"] }}] }}
  - {{ job_name: mmdigit-page-worker, static_configs: [{{ targets: ["{page_worker}"] }}] }}
  - {{ job_name: mmdigit-collector, static_configs: [{{ targets: ["{collector}"] }}] }}
  - {{ job_name: mmdigit-gateway, static_configs: [{{ targets: ["{gateway}"] }}] }}
  - {{ job_name: mmdigit-producer, static_configs: [{{ targets: ["{producer}"] }}] }}
"""


@contextmanager
def prometheus(folder: Path, **targets: str) -> Iterator[str]:
    """The address of a Prometheus that scrapes them every second, with the job names of the shipped configuration."""
    configuration = CONFIGURATION.format(**targets)
    jobs = r"job_name: ([\w-]+)"
    shipped = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    assert re.findall(jobs, configuration) == re.findall(jobs, shipped)
    on_ecs = ROOT / "deploy" / "terraform" / "prometheus-ecs.yml"
    assert re.findall(jobs, shipped) == re.findall(jobs, on_ecs.read_text(encoding="utf-8"))
    folder.mkdir(mode=0o755)
    (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
    (folder / "rules.yml").write_text((FOLDER / "rules.yml").read_text(encoding="utf-8"), encoding="utf-8")
    port = free_port()
    skip_missing_ryuk()
    # On the host's network, because its targets listen on 127.0.0.1.
    container = DockerContainer(IMAGE).with_kwargs(network_mode="host")
    container = container.with_volume_mapping(str(folder), "/etc/mmdigit", "ro")
    container = container.with_command(
        f"--config.file=/etc/mmdigit/prometheus.yml --web.listen-address=127.0.0.1:{port} "
        "--storage.tsdb.path=/prometheus"
    )
    address = f"http://127.0.0.1:{port}"
    with container:
        until(lambda: rules(address), "Prometheus with its rules")
        # Its first discovery of targets happens some seconds after the start.
        for name in ("mmdigit_jobs_total", "mmdigit_gateway_ready", "mmdigit_forms_registered_pages_total"):
            until(partial(gives_a_number, address, name, time.time() - 60), "a first scrape", pause_s=0.2)
        yield address


def rules(address: str) -> list[dict[str, Any]]:
    """The rules that it has loaded; none until it responds."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/rules", timeout=5) as answer:  # noqa: S310  our own server
            return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
    except OSError:
        return []


def panels() -> dict[str, str]:
    """Dashboard, panel and legend -> its query."""
    return {
        f"{path.stem}: {panel['title']}: {target['legendFormat']}": target["expr"]
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    }


def gives_a_number(address: str, expression: str, begin_s: float) -> bool:
    found = query_range(address, expression, begin_s, time.time(), 1.0)
    return any(np.isfinite(series.values).any() for series in found)


def address_of(metrics_url: str) -> str:
    return metrics_url.removeprefix("http://").removesuffix("/metrics")


def submit(gateway: RunningGateway, query: str) -> int:
    """The status of the answer to one job."""
    image = base64.b64encode((PACK.parent / "images" / "7_00.png").read_bytes()).decode()
    address = "http://{}:{}/v1/jobs?{}".format(*gateway.address, query)
    request = urllib.request.Request(address, json.dumps({"image": image}).encode(), JSON)  # noqa: S310  our own gateway
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return int(response.status)


def test_queries_all_return_numbers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    port, collector_port = free_port(), free_port()
    producer = [
        *(
            sys.executable,
            "-m",
            "producer",
            "--from",
            str(PACK),
            "--to",
            url,
            "--count",
            str(JOBS),
            "--rate",
            str(RATE),
        ),
        *("--group", "pack", "--wait", "--store", url, "--journal-dir", str(tmp_path), "--metrics-port", str(port)),
    ]
    form_run = FormRun(url, tmp_path)
    begin_s = time.time()
    with (
        RunningWorker(url, url, tmp_path / "worker.log") as worker,
        RunningGateway(url, url, tmp_path / "api.log") as api,
        form_run.page_worker() as page_worker,
    ):
        worker.wait_until_ready()
        api.wait_until_ready()
        page_worker.wait_until_ready()
        scraped = {
            "worker": address_of(worker.metrics_url),
            "page_worker": address_of(page_worker.metrics_url),
            "gateway": address_of(api.metrics_url),
            "collector": f"127.0.0.1:{collector_port}",
            "producer": f"127.0.0.1:{port}",
        }
        with prometheus(tmp_path / "prometheus", **scraped) as address, ExitStack() as stack:
            assert [submit(api, query) for query in ("wait=20", "")] == [200, 202]
            with open_publisher(url) as publisher:
                for poison in (b"", b"rubbish"):
                    publisher.send(None, poison)
                publisher.flush(10)
            sent = subprocess.run(producer, cwd=ROOT, check=False, capture_output=True, text=True)
            assert sent.returncode == 0, sent.stderr
            # Again: a rate begins with the second value of a series.
            assert [submit(api, query) for query in ("wait=20", "")] == [200, 202]
            form_run.decide_and_key()
            stack.enter_context(form_run.collector(collector_port))
            queries = panels()
            for rule in rules(address):
                assert rule["health"] in ("ok", "unknown"), rule
                if rule["type"] == "recording":
                    queries[rule["name"]] = rule["query"]
                else:  # a silent alert: its inputs must exist
                    gives_a_number(address, rule["query"], begin_s)  # fails the test if the query is invalid
                    queries |= {f"{rule['name']}: {part}": part for part in SELECTOR.findall(rule["query"])}
            empty = dict(queries)

            def none_is_empty() -> bool:
                for name, query in list(empty.items()):
                    if gives_a_number(address, query, begin_s):
                        del empty[name]
                return not empty

            try:
                until(none_is_empty, "a number for every query", pause_s=0.5)
            except AssertionError:
                pytest.fail("expected a number, got none for " + "\n".join(f"{name}: {empty[name]}" for name in empty))
    assert len(queries) > 80
