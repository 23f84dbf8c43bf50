"""Disturbs the links of a toxiproxy at random until SIGTERM: `python -m lab.faults.chaos HOST PORT SEED`.

The links are the proxies that it finds. `docker compose --profile chaos up` starts it beside workers that reach Kafka
and Redis through them. None of this may lose a job.
"""

import random
import signal
import sys
import time
from datetime import UTC, datetime

from lab.kit.toxics import Link, Toxiproxy

TOXICS: dict[str, dict[str, int]] = {
    "latency": {"latency": 200, "jitter": 50},
    "bandwidth": {"rate": 64},
    "reset_peer": {"timeout": 0},
    "timeout": {"timeout": 0},
}
"""Toxics and their attributes: milliseconds, kilobytes a second; a timeout of 0 lets nothing through."""

HELD_S = (2.0, 8.0)
PAUSE_S = (5.0, 20.0)


def disturb(proxy: Toxiproxy, draw: random.Random) -> None:
    """Add a toxic to both directions of a link for a while, and log its beginning and end."""
    name = draw.choice(sorted(proxy.call("GET", "/proxies")))
    kind = draw.choice(sorted(TOXICS))
    held_s = draw.uniform(*HELD_S)
    link = Link(proxy, name)
    log(f"{name}: {kind} {TOXICS[kind]} for {held_s:.0f} s")
    try:
        link.add_toxic(kind, **TOXICS[kind])
        time.sleep(held_s)
    finally:
        link.remove_toxics()
    log(f"{name}: restored")


def log(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
    sys.stdout.flush()


def main(host: str, port: str, seed: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # removes its toxics on the way out
    proxy, draw = Toxiproxy(int(port), host), random.Random(int(seed))  # noqa: S311  (not a secret)
    while True:
        time.sleep(draw.uniform(*PAUSE_S))
        disturb(proxy, draw)


if __name__ == "__main__":
    main(*sys.argv[1:])
