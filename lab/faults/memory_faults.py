"""Faults of memory: the kernel kills a worker in a container that runs out of it."""

import shutil
import subprocess
import time
from pathlib import Path

from docker.errors import APIError
from docker.models.containers import Container

from lab.faults.fault import Context, Fault
from lab.kit.polling import happens_within
from schemas.errors import TransportError

MEMORY_BYTES = 320 * 1024 * 1024
IMAGE = "mmdigit:faults"
ROOT = Path(__file__).parents[2]
_KILLED_WITHIN_S = 30.0
_READY_WITHIN_S = 60.0
_READY = "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/readyz', timeout=5)"


def no_docker_command() -> str:
    """Why no image can be built; empty if one can."""
    return "" if shutil.which("docker") else "needs the docker command, to build the worker's image"


def run_out_of_memory(context: Context) -> None:
    """Take a container's memory until the kernel kills the worker; the restart policy starts it again."""
    worker = _container(context)
    context.load.burst(400)
    time.sleep(context.draw.uniform(0, 0.6))
    since_s, before = time.time(), _restarts(worker)
    # Shared memory counts as the container's and belongs to no process, so the worker is the largest process.
    worker.exec_run(["dd", "if=/dev/zero", "of=/dev/shm/hog", "bs=1M"], detach=True)
    if not happens_within(_KILLED_WITHIN_S, lambda: _restarts(worker) > before):
        raise TransportError(f"expected the kernel to kill a worker within {_KILLED_WITHIN_S:.0f} s, got no restart")
    events = worker.client.events(
        since=since_s, until=time.time() + 1, filters={"container": worker.id, "event": "oom"}
    )
    if not list(events):
        context.workers.problems.append("a worker in a container ended, but had not run out of memory")


def _container(context: Context) -> Container:
    """The worker in a container, beside the worker process; started, and ready, on the first call."""
    name = f"{context.services.network.name}-worker"
    client = context.services.network.client
    for container in client.containers.list(filters={"name": name}):
        return container
    _build()
    jobs_url, store_url = context.services.inner_urls
    worker: Container = client.containers.run(
        IMAGE,
        ["--from", jobs_url, "--store", store_url],
        name=name,
        detach=True,
        network=context.services.network.name,
        mem_limit=MEMORY_BYTES,
        memswap_limit=MEMORY_BYTES,
        shm_size=2 * MEMORY_BYTES,
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 10},
    )
    context.at_end.callback(_stop, worker, context)
    if not happens_within(_READY_WITHIN_S, lambda: worker.exec_run(["python", "-c", _READY]).exit_code == 0):
        raise TransportError(
            f"expected a worker in a container to be ready within {_READY_WITHIN_S:.0f} s, got {worker.logs(tail=3)!r}"
        )
    return worker


def _stop(worker: Container, context: Context) -> None:
    worker.stop(timeout=60)
    worker.reload()
    if code := worker.attrs["State"]["ExitCode"]:
        context.workers.problems.append(f"a worker in a container exited with code {code} on SIGTERM")
    worker.remove(force=True)


def _build() -> None:
    override = f"services: {{worker: {{image: '{IMAGE}', build: .}}}}"
    command = ("docker", "compose", "--file", "-", "--project-directory", ".", "build", "--quiet", "worker")
    done = subprocess.run(command, cwd=ROOT, input=override, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise TransportError(f"expected docker to build the worker's image, got: {done.stderr.strip()[-500:]}")


def _restarts(worker: Container) -> int:
    try:
        worker.reload()
    except APIError:
        return 0
    return int(worker.attrs["RestartCount"])


FAULTS = (Fault("out of memory in a container", 3, run_out_of_memory, workers=1, unavailable=no_docker_command),)
