"""python -m lab.faults.chaos HOST PORT SEED: disturbs the links of one toxiproxy now and then, logged, until SIGTERM.

The links are the proxies that it already has; `docker compose --profile chaos up` starts it beside workers that reach
Kafka and Redis through them. Nothing that it does may lose a job.
"""

import random
import signal
import sys
import time
from datetime import UTC, datetime

from lab.kit.toxics import Link, Toxiproxy

TROUBLES: dict[str, dict[str, int]] = {
    "latency": {"latency": 200, "jitter": 50},
    "bandwidth": {"rate": 64},
    "reset_peer": {"timeout": 0},
    "timeout": {"timeout": 0},
}
"""Toxics with their attributes: milliseconds, kilobytes a second; a timeout of 0 lets nothing through."""

HELD_S = (2.0, 8.0)
APART_S = (5.0, 20.0)


def trouble(proxy: Toxiproxy, draw: random.Random) -> None:
    """One toxic in both directions of one link, for a while; says which, and when it is over."""
    name = draw.choice(sorted(proxy.call("GET", "/proxies")))
    kind = draw.choice(sorted(TROUBLES))
    held_s = draw.uniform(*HELD_S)
    link = Link(proxy, name)
    say(f"{name}: {kind} {TROUBLES[kind]} for {held_s:.0f} s")
    try:
        link.poison(kind, **TROUBLES[kind])
        time.sleep(held_s)
    finally:
        link.heal()
    say(f"{name}: healed")


def say(what: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")
    sys.stdout.flush()


def main(host: str, port: str, seed: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # heals what it has poisoned
    proxy, draw = Toxiproxy(int(port), host), random.Random(int(seed))  # noqa: S311  (moments, not a secret)
    while True:
        time.sleep(draw.uniform(*APART_S))
        trouble(proxy, draw)


if __name__ == "__main__":
    main(*sys.argv[1:])
