"""Links between the workers and Kafka or Redis that are slow, narrow, silent, or reset midway."""

from collections.abc import Callable

from lab.faults.fault import Fault, Scene
from lab.kit.toxics import Link

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


def poison(kind: str, held_s: float, **attributes: int) -> Callable[[LinkOf], Callable[[Scene], None]]:
    """One kind of toxic in both directions for a while."""

    def on(link_of: LinkOf) -> Callable[[Scene], None]:
        def strike(scene: Scene) -> None:
            link_of(scene).poison(kind, **attributes)
            scene.hold(held_s)
            link_of(scene).heal()

        return strike

    return on


def _on_both(name: str, times: int, make: Callable[[LinkOf], Callable[[Scene], None]]) -> tuple[Fault, ...]:
    links = {"Redis": _redis, "Kafka": _kafka}
    return tuple(Fault(f"{link}: {name}", times, make(of), on="proxied services") for link, of in links.items())


FAULTS = (
    *_on_both("connection reset midway", 5, reset),
    *_on_both("200 ms latency", 2, poison("latency", HELD_S, latency=LATENCY_MS)),
    *_on_both("64 kB/s", 2, poison("bandwidth", HELD_S, rate=KILOBYTES_PER_S)),
    # Connections stay, and nothing comes through.
    *_on_both("half-open link", 2, poison("timeout", SILENT_S, timeout=0)),
)
