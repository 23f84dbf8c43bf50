"""A worker on a Redis Cluster loses no job when a primary is killed and its replica promoted."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.transport.ports import GroupCounts
from mmdigit.transport.urls import open_store
from samples.demo import PACK
from samples.running import RunningWorker
from tests.processes import Start
from tests.redis_group import redis_cluster

pytestmark = pytest.mark.docker

JOBS = 1000


def test_cluster_loses_no_job_with_a_primary(tmp_path: Path, start: Start) -> None:
    jobs_url = f"sqlite:///{tmp_path / 'queue.db'}"
    options = ("--store-replicas", "1", "--batch-size", "8", "--retry-max-s", "1", "--breaker-in-a-row", "0")
    with redis_cluster(replicas=1) as cluster, open_store(cluster.cluster_url) as store:
        produce = [
            *(sys.executable, "-m", "producer", "--from", str(PACK), "--to", jobs_url, "--group", "g", "--wait"),
            *("--journal-dir", str(tmp_path), "--store", cluster.cluster_url, "--output", str(tmp_path / "out.csv")),
        ]
        with RunningWorker(jobs_url, cluster.cluster_url, tmp_path / "worker.log", options) as worker:
            worker.wait_until_ready()
            producer = start(produce, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            until(lambda: store.counts("g").done > 0, "the first answers")
            killed = cluster.ports[0]
            cluster.kill(killed)
            until(lambda: [cluster.role(port) for port in cluster.ports].count("master") == 3, "a promoted replica")
            cluster.start(killed)
            output, _ = producer.communicate()
            assert producer.returncode == 0, output
            assert worker.stop() == 0
        assert store.counts("g") == GroupCounts(done=JOBS, dead=0)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert sum(row["label"] != "" for row in csv.DictReader(file)) == JOBS
    assert f"Redis at 127.0.0.1:{killed}" in (tmp_path / "worker.log").read_text()  # it logged what it waited for
