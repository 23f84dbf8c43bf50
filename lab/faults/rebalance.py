"""python -m lab.faults.rebalance: Compose workers 1 -> 4 -> 1 under load; how long each rebalance stops the flow.

    python -m lab.faults.rebalance [--data DIR] [--rate R] [--output FILE] [--plot FILE]

The stack of docker-compose.yml, its topic of 8 partitions, and each way of sharing them out: cooperative (the worker's)
or eager, with members that are static (an id of their own, kept over a restart) or not. Between the two steps one of
the four is restarted, as for a new version. Exit code 1 if a job is lost or answered otherwise than offline.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import docker
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from lab.faults.check import check, offline_answers
from lab.faults.rebalance_plot import plot
from lab.faults.watch import Watch, await_last, longest_pause_s
from lab.kit.compose import GROUP, PARTITIONS, ROOT, Compose
from lab.kit.load import Load, load_samples
from lab.kit.machine import machine, machine_line
from lab.kit.report import arguments, command_of, show, source_of
from lab.kit.services import kafka_admin
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from schemas.errors import TransportError
from schemas.prediction import Answer

PACKAGES = ("kafka-python", "redis")
MOST_WORKERS = 4
RATE_PER_S = 200.0
STEADY_S = 10.0
"""Before the first step, and after each."""

SETTLED_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.2
_STATIC = "MMDIGIT_INSTANCE_ID=worker-$(hostname) exec python -m "


class Way(NamedTuple):
    """A way of sharing out the partitions; override: what makes the Compose worker go it."""

    name: str
    override: Mapping[str, Any]


def _way(name: str, module: str, static: bool) -> Way:
    entrypoint = ["sh", "-euc", f"{_STATIC}{module}"] if static else ["python", "-m", module]
    volumes = [f"{ROOT / 'faults'}:/app/faults:ro"]
    return Way(name, {"entrypoint": entrypoint, "volumes": volumes, "healthcheck": {"interval": "1s"}})


WAYS = (
    _way("cooperative", "worker", static=False),
    _way("cooperative, static", "worker", static=True),
    _way("eager", "lab.faults.eager", static=False),
    _way("eager, static", "lab.faults.eager", static=True),
)


class Step(NamedTuple):
    """One change. settled_s: with the start of the containers, until the group was stable and each partition answered.

    pauses_s: the longest time without an answer, of each partition; flow_pause_s: of all of them together.
    """

    name: str
    at_s: float
    settled_s: float
    pauses_s: tuple[float, ...]
    flow_pause_s: float


def scale(way: Way, samples: Sequence[Sample], expected: Sequence[Answer | None], rate_per_s: float) -> dict[str, Any]:
    """All steps on a stack of its own, and what came of the jobs."""
    steps: list[Step] = []
    with Compose({"worker": way.override}) as compose:
        compose.up(["worker"])
        with closing(kafka_admin(compose.bootstrap)) as admin, Watch(compose.store_url, "rebalance") as watch:
            _await_members(admin, 1)
            with Load(compose.jobs_url, "rebalance", samples, rate_per_s) as load:
                watch.await_outcome_of_each(PARTITIONS, time.monotonic(), SETTLED_WITHIN_S)
                start_s = time.monotonic()

                def step(name: str, change: Callable[[], object], members: int) -> None:
                    since_s = time.monotonic()
                    change()
                    _await_members(admin, members)
                    if watch.await_outcome_of_each(PARTITIONS, time.monotonic(), SETTLED_WITHIN_S) is None:
                        raise TransportError(f"expected an answer from each partition after {name}, got none")
                    settled_s = time.monotonic() - since_s
                    time.sleep(STEADY_S)
                    until_s = time.monotonic()
                    pauses_s = [longest_pause_s(watch.answered_at_s(p), since_s, until_s) for p in range(PARTITIONS)]
                    flow_pause_s = longest_pause_s(watch.answered_at_s(), since_s, until_s)
                    steps.append(Step(name, since_s - start_s, settled_s, tuple(pauses_s), flow_pause_s))
                    sys.stderr.write(f"{way.name}: {name}: {line(steps[-1])}\n")

                step("no change", lambda: None, 1)
                step("1 -> 4", lambda: compose.up(["worker"], MOST_WORKERS), MOST_WORKERS)
                step("restart of one", lambda: _restart(compose.containers("worker")[0]), MOST_WORKERS)
                step("4 -> 1", lambda: compose.up(["worker"]), 1)
                load.stop()
            await_last(load, watch)
        checked = check(compose.jobs_url, compose.store_url, "rebalance", load.acknowledged, expected)
    return {
        "way": way.name,
        "jobs": len(load.acknowledged),
        "lost": len(checked.lost),
        "dead": checked.dead,
        "wrong": len(checked.wrong),
        "steps": [each._asdict() for each in steps],
        "answers_at_s": [round(at_s - start_s, 2) for at_s in watch.answered_at_s()],
    }


def _await_members(admin: KafkaAdminClient, members: int) -> None:
    """Until the group is stable with so many members, who share all partitions, none of them idle."""
    deadline_s = time.monotonic() + SETTLED_WITHIN_S
    seen: object = "no answer"
    while time.monotonic() < deadline_s:
        with suppress(KafkaError):  # a broker that has only just started knows no coordinator yet
            group = admin.describe_groups([GROUP])[GROUP]
            shares = [_share(member) for member in group["members"]]
            if (
                group["group_state"] == "Stable"
                and len(shares) == members
                and min(shares)
                and sum(shares) == PARTITIONS
            ):
                return
            seen = f"{shares}, {group['group_state']}"
        time.sleep(_LOOK_EVERY_S)
    raise TransportError(f"expected {members} members who share {PARTITIONS} partitions, got {seen}")


def _share(member: Mapping[str, Any]) -> int:
    """How many partitions it has."""
    return sum(len(topic["partitions"]) for topic in (member["member_assignment"] or {}).get("assigned_partitions", ()))


def _restart(container: str) -> None:
    """As an update does: SIGTERM, then the same container again."""
    client = docker.from_env()
    try:
        client.containers.get(container).restart(timeout=60)
    finally:
        client.close()


def line(step: Step) -> str:
    return (
        f"settled in {step.settled_s:.1f} s; pause of a partition: median {statistics.median(step.pauses_s):.1f} s, "
        f"worst {max(step.pauses_s):.1f} s; of all at once {step.flow_pause_s:.1f} s"
    )


def compare(data: Path | None, rate_per_s: float, ways: Sequence[Way]) -> dict[str, Any]:
    """Every way, one after another."""
    samples = load_samples(data)
    expected = offline_answers(samples)
    return {
        "command": command_of("lab.faults.rebalance", data) + f" --rate {rate_per_s:g}",
        "machine": machine(PACKAGES),
        "source": source_of(data),
        "rate_per_s": rate_per_s,
        "ways": [scale(way, samples, expected, rate_per_s) for way in ways],
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.faults.rebalance", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.faults.rebalance", __doc__)
    parser.add_argument("--rate", type=float, default=RATE_PER_S, help="jobs a second (default: %(default)s)")
    parser.add_argument("--only", choices=[way.name for way in WAYS], help="one way alone")
    parser.add_argument("--plot", type=Path, help="draw the flow into this PNG")
    options = parser.parse_args(argv)
    result = compare(options.data, options.rate, [way for way in WAYS if options.only in (None, way.name)])
    if options.plot is not None:
        plot(result, options.plot)
    show(options, result, _table)
    return 1 if any(way["lost"] or way["wrong"] for way in result["ways"]) else 0


def _table(result: dict[str, Any]) -> str:
    lines = [machine_line(result["machine"]), f"{result['source']}; {result['rate_per_s']:g} jobs/s"]
    for way in result["ways"]:
        lines.append(f"{way['way']}: {way['jobs']} jobs, {way['lost']} lost, {way['wrong']} wrong")
        lines += [f"  {step['name']:<15} {line(Step(**step))}" for step in way["steps"]]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
