"""Runs one fault of the gateway: clients that retry, injections with recovery, check; makes its row of the report."""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from lab.faults.fault import GatewayFault, Scene
from lab.faults.gateway_check import check_gateway
from lab.faults.run import RECOVERY_WITHIN_S, STALLED_AFTER_S, WARM_WITHIN_S, Log, Row, temporary_folder
from lab.faults.services import Services
from lab.faults.submitters import Submitters
from lab.faults.workers import Workers
from lab.kit.gateway import RunningGateway
from lab.kit.polling import happens_within, wait_for_count
from lab.kit.services import free_port
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from producer.sources.sample import Sample
from samples.running import RunningWorker
from schemas.errors import MmdigitError, RetriableError
from schemas.prediction import Answer

MAX_DELAY_S = 0.2
"""From the first accepted job of a burst to the fault: about as long as the burst takes."""

UNAVAILABLE = 503
REFUSED_WITHIN_S = 60.0
"""A caller who is not told by then that the broker or the store is away hangs; the row says how long it took."""


def run_gateway_fault(
    fault: GatewayFault,
    services: Services,
    samples: Sequence[Sample],
    expected: Sequence[Answer | None],
    draw: random.Random,
    number: int,
    log: Log,
    logs_folder: Path | None = None,
) -> Row:
    """The row of one fault; its duplicates are records of a job that was sent again. The rest as for run_fault."""
    row = Row(fault.name)
    began_s = time.monotonic()
    group, address = f"gateway-{number}", ("127.0.0.1", free_port())
    with ExitStack() as stack:
        folder = logs_folder or stack.enter_context(temporary_folder())
        for name in ("gateways", "workers"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        urls = services.new_run()
        start = partial(RunningGateway, urls.jobs_url, urls.store_url, port=address[1])
        store = stack.enter_context(open_store(urls.store_url))
        with (
            Workers(partial(RunningWorker, urls.worker_jobs_url, urls.worker_store_url), folder / "workers") as workers,
            Workers(start, folder / "gateways", 1) as gateways,
        ):
            workers.wait_until_assigned()
            gateways.wait_until_assigned()
            with Submitters(address, group, samples) as submitters:
                scene = Scene(services, gateways, draw)
                for _ in range(fault.times):
                    _inject(fault, scene, submitters, store, group, row)
                    took = f"{row.recoveries_s[-1]:.1f} s" if row.recoveries_s else "never"
                    log(f"{fault.name}: {row.times}/{fault.times}, recovery: {took}")
                submitters.stop()
                _await_outcomes(submitters.sent, store, group, row)
            workers.check_running()
            gateways.check_running()
        row.problems += [*workers.problems, *gateways.problems, *submitters.problems[:5]]
        if fault.refused and UNAVAILABLE not in submitters.refusals:
            row.problems.append(f"expected refusals with {UNAVAILABLE}, got none")
        if submitters.slowest_refusal_s > REFUSED_WITHIN_S:
            row.problems.append(f"a caller waited {submitters.slowest_refusal_s:.1f} s for a refusal")
        found = check_gateway(urls.jobs_url, urls.store_url, group, submitters.job_ids, expected)
        row.jobs, row.answered, row.dead = len(submitters.job_ids), found.answered, found.dead
        row.lost, row.wrong, row.duplicates = len(found.lost), len(found.wrong), found.sent_twice
        row.refused, row.refusal_s = submitters.retries, submitters.slowest_refusal_s
        if found.doubled:
            row.problems.append(f"{found.doubled} outcomes or records are of no job that was submitted, or doubled")
        if failed := [*found.lost, *found.wrong]:
            log(f"{fault.name}: lost or wrong: {', '.join(failed[:5])}")
    row.seconds = time.monotonic() - began_s
    return row


def _inject(
    fault: GatewayFault, scene: Scene, submitters: Submitters, store: PredictionStore, group: str, row: Row
) -> None:
    """Inject the fault once under load, and wait until every job that was submitted by its end has its outcome."""
    accepted = len(submitters.job_ids)
    submitters.burst(fault.burst)
    if not happens_within(WARM_WITHIN_S, lambda: len(submitters.job_ids) > accepted, pause_s=0.01):
        row.problems.append(f"no job was accepted within {WARM_WITHIN_S:.0f} s of burst {row.times + 1}")
    time.sleep(scene.draw.uniform(0, MAX_DELAY_S))
    try:
        fault.inject(scene)
    except MmdigitError as error:
        row.problems.append(f"injection {row.times + 1} failed: {error}")
    ended_s = time.monotonic()
    row.times += 1
    begun = submitters.sent
    if happens_within(RECOVERY_WITHIN_S, lambda: _outcomes(store, group) >= begun):
        row.recoveries_s.append(time.monotonic() - ended_s)
    else:
        row.problems.append(f"no recovery within {RECOVERY_WITHIN_S:.0f} s of injection {row.times}")
    scene.workers.check_running()


def _await_outcomes(jobs: int, store: PredictionStore, group: str, row: Row) -> None:
    left = jobs - wait_for_count(partial(_outcomes, store, group), jobs, stalled_after_s=STALLED_AFTER_S)
    if left:
        row.problems.append(f"{left} jobs had no outcome when none had arrived for {STALLED_AFTER_S:.0f} s")


def _outcomes(store: PredictionStore, group: str) -> int:
    """Outcomes of the group; -1 while the store is away."""
    try:
        counts = store.counts(group)
    except RetriableError:
        return -1
    return counts.done + counts.dead
