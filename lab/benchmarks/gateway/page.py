"""The tables of a result, for the terminal and for docs/results/gateway.md."""

from typing import Any

from lab.kit.machine import machine_line
from lab.kit.spread import format_spread

_LATENCY = (
    "| program | load | requests/s | way | p50 ms | p95 ms | p99 ms | failed | server CPU a request, us |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)
_COST = "| on | requests | CPU a request, us | jobs a second and core | jobs/s | failed |\n|---|---|---|---|---|---|\n"


def text(result: dict[str, Any]) -> str:
    """Every part that the result has."""
    parts = [machine_line(result["machine"])]
    parts += [table(result[name]) for name, table in TABLES.items() if name in result]
    return "\n\n".join(parts)


def latency_table(programs: dict[str, Any]) -> str:
    """One row a program, load and way."""
    lines = []
    for name, found in programs.items():
        for load, ways in found["loads"].items():
            for way, run in ways.items():
                times = [format_spread(run["latency_ms"][each]) for each in ("p50", "p95", "p99")]
                lines.append(
                    f"| {name} | {float(load):.0%} | {run['rate_per_s']['median']:.0f} | {way} | {' | '.join(times)} "
                    f"| {run['failed']} | {format_spread(run['server_cpu_us'])} |"
                )
    rates = [
        f"{name} {format_spread(found['answers_per_s'])} answers/s at {format_spread(found['server_cpu_us_saturated'])} us"
        for name, found in programs.items()
    ]
    return f"Busy callers get: {'; '.join(rates)} of server CPU each.\n\n" + _LATENCY + "\n".join(lines)


def cost_table(places: dict[str, Any]) -> str:
    """One row a place and kind of request."""
    return _COST + "\n".join(
        f"| {place} | {kind} | {format_spread(run['cpu_us_per_request'])} | {format_spread(run['jobs_per_cpu_s'])} "
        f"| {format_spread(run['jobs_per_s'])} | {run['failed']['max']:.0f} |"
        for place, kinds in places.items()
        for kind, run in kinds.items()
    )


def streams_text(found: dict[str, Any]) -> str:
    """In one paragraph."""
    event, answer = found["event_ms"], found["answer_ms"]
    return (
        f"{found['streams']} streams of {found['groups']} groups: {found['rss_mb_before']:.0f} MB before, "
        f"{found['rss_mb']:.0f} MB at most; {found['idle_cores']:.2f} cores idle, {found['busy_cores']:.2f} at "
        f"{found['jobs_per_s']:.0f} jobs/s; {found['events']} of {found['events_expected']} events, p50 "
        f"{event['p50']:.0f}, p95 {event['p95']:.0f}, p99 {event['p99']:.0f} ms after the job was sent "
        f"(its own answer: p50 {answer['p50']:.0f}, p95 {answer['p95']:.0f} ms)."
    )


def slow_text(found: dict[str, Any]) -> str:
    """In one paragraph."""
    alone, beside = found["alone"], found["beside"]
    return (
        f"{found['slow_clients']} slow clients: a normal one at {alone['rate_per_s']:.0f} requests/s is answered in "
        f"p50 {beside['latency_ms']['p50']:.0f}, p95 {beside['latency_ms']['p95']:.0f} ms (alone "
        f"{alone['latency_ms']['p50']:.0f}, {alone['latency_ms']['p95']:.0f} ms), {beside['failed']} of "
        f"{beside['requests']} failed; {found['rss_mb']:.0f} MB at most."
    )


TABLES = {"latency": latency_table, "cost": cost_table, "streams": streams_text, "slow": slow_text}
