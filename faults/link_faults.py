"""Links between the workers and Kafka or Redis that are slow, narrow, silent, or reset midway."""

from collections.abc import Callable

from faults.fault import Fault, Scene
from faults.toxics import Link

LinkOf = Callable[[Scene], Link]

LATENCY_MS = 200
KILOBYTES_PER_S = 64
HELD_S = 10.0
SILENT_S = 20.0
RESET_FOR_S = 2.0
CUT_AFTER_BYTES = 3_000
"""In the midst of the script's call for any batch, and of Kafka's request for records or their answer."""


def _kafka(scene: Scene) -> Link:
    return scene.services.kafka_link


def _redis(scene: Scene) -> Link:
    return scene.services.redis_link


def reset(link_of: LinkOf) -> Callable[[Scene], None]:
    """Connections are cut after some bytes, in the midst of what they carry, and new ones are reset."""

    def strike(scene: Scene) -> None:
        link = link_of(scene)
        link.poison("limit_data", bytes=CUT_AFTER_BYTES)
        scene.hold(RESET_FOR_S)
        link.poison("reset_peer", timeout=0)
        scene.hold(RESET_FOR_S)
        link.heal()

    return strike


def delay(link_of: LinkOf) -> Callable[[Scene], None]:
    """LATENCY_MS in each direction."""

    def strike(scene: Scene) -> None:
        link_of(scene).poison("latency", latency=LATENCY_MS)
        scene.hold(HELD_S)
        link_of(scene).heal()

    return strike


def narrow(link_of: LinkOf) -> Callable[[Scene], None]:
    """KILOBYTES_PER_S in each direction of each connection."""

    def strike(scene: Scene) -> None:
        link_of(scene).poison("bandwidth", rate=KILOBYTES_PER_S)
        scene.hold(HELD_S)
        link_of(scene).heal()

    return strike


def silence(link_of: LinkOf) -> Callable[[Scene], None]:
    """Half-open: connections stay, and nothing comes through, in either direction."""

    def strike(scene: Scene) -> None:
        link_of(scene).poison("timeout", timeout=0)
        scene.hold(SILENT_S)
        link_of(scene).heal()

    return strike


def _on_both(name: str, times: int, make: Callable[[LinkOf], Callable[[Scene], None]]) -> tuple[Fault, ...]:
    links = {"Redis": _redis, "Kafka": _kafka}
    return tuple(Fault(f"{link}: {name}", times, make(of), on="proxied services") for link, of in links.items())


FAULTS = (
    *_on_both("connection reset midway", 5, reset),
    *_on_both("200 ms latency", 2, delay),
    *_on_both("64 kB/s", 2, narrow),
    *_on_both("half-open link", 2, silence),
)
