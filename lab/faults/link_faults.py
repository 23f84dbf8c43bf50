"""Faults of the links between the workers and Kafka or Redis: slow, throttled, half-open, or reset midway."""

from collections.abc import Callable

from lab.faults.fault import Context, Fault
from lab.kit.toxics import Link

Inject = Callable[[Context], None]
LinkOf = Callable[[Context], Link]

LATENCY_MS = 200
KILOBYTES_PER_S = 64
HELD_S = 10.0
SILENT_S = 20.0
RESET_FOR_S = 2.0
CUT_AFTER_BYTES = 3_000
"""In the middle of a batch's script call to Redis, and of Kafka's request for records or the answer."""


def reset(link_of: LinkOf) -> Inject:
    """Cut connections after some bytes, in the middle of what they carry, then reset new ones."""

    def inject(context: Context) -> None:
        link = link_of(context)
        link.add_toxic("limit_data", bytes=CUT_AFTER_BYTES)
        context.hold(RESET_FOR_S)
        link.add_toxic("reset_peer", timeout=0)
        context.hold(RESET_FOR_S)
        link.remove_toxics()

    return inject


def toxic(kind: str, held_s: float, **attributes: int) -> Callable[[LinkOf], Inject]:
    """One kind of toxic in both directions for a while."""

    def on(link_of: LinkOf) -> Inject:
        def inject(context: Context) -> None:
            link_of(context).add_toxic(kind, **attributes)
            context.hold(held_s)
            link_of(context).remove_toxics()

        return inject

    return on


def _on_both(name: str, times: int, make: Callable[[LinkOf], Inject]) -> tuple[Fault, ...]:
    links: dict[str, LinkOf] = {
        "Redis": lambda context: context.services.redis_link,
        "Kafka": lambda context: context.services.kafka_link,
    }
    return tuple(Fault(f"{link}: {name}", times, make(of), on="proxied services") for link, of in links.items())


FAULTS = (
    *_on_both("connection reset midway", 5, reset),
    *_on_both("200 ms latency", 2, toxic("latency", HELD_S, latency=LATENCY_MS)),
    *_on_both("64 kB/s", 2, toxic("bandwidth", HELD_S, rate=KILOBYTES_PER_S)),
    # Connections stay open, and nothing gets through.
    *_on_both("half-open link", 2, toxic("timeout", SILENT_S, timeout=0)),
)
