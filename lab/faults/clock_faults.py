"""Faults of the clock: the workers' wall clock jumps ahead and back."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lab.faults.fault import Context, Fault
from lab.kit.polling import happens_within
from schemas.errors import TransportError

HALF_HOUR_S, DAY_S = 1_800, 86_400
"""Less and more than the broker allows a record's time to be ahead: message.timestamp.after.max.ms, an hour."""

JUMPED_FOR_S = 4.0
_CLOCK = "clock"
_SEEN_WITHIN_S = 20.0
_TOLERANCE_S = 60.0
_REFUSED = "InvalidTimestampError"


def no_compiler() -> str:
    """Why no process can get another clock; empty if one can."""
    return "" if shutil.which("cc") else "needs a C compiler, for the workers' other clock (Debian: gcc)"


def with_clock(folder: Path) -> Sequence[str]:
    """Launches a worker whose wall clock is off by the seconds in the folder's file "clock"; not the monotonic clock.

    Not libfaketime: 0.9.10 also shifts absolute sleeps, on which Python's time.sleep then fails.
    """
    file, library = folder / _CLOCK, folder / "clock.so"
    file.write_text("0")
    source = str(Path(__file__).with_name("clock.c"))
    built = subprocess.run(  # noqa: S603
        ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), source],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise TransportError(f"expected cc to build {source}, got: {built.stderr.strip()[:300]}")
    return ("env", f"LD_PRELOAD={library}", f"FAULTS_CLOCK_FILE={file}")


def jump(seconds: int) -> Callable[[Context], None]:
    """Set the workers' wall clocks ahead by that much, then back by that much, then right."""

    def inject(context: Context) -> None:
        for off_s in (seconds, -seconds):
            (context.folder / _CLOCK).write_text(str(off_s))
            context.load.burst(context.partitions)
            if not happens_within(_SEEN_WITHIN_S, partial(_is_off, context, off_s)):
                context.workers.problems.append(f"no sign of a worker whose clock is off by {off_s} s")
            context.hold(JUMPED_FOR_S)
        (context.folder / _CLOCK).write_text("0")

    return inject


def _is_off(context: Context, off_s: float) -> bool:
    """Whether the newest prediction has a time that is off by that much, or the broker refused such a time."""
    if off_s > HALF_HOUR_S and any(_REFUSED in log.read_text() for log in context.folder.glob("worker-*.log")):
        return True  # it refused a dead letter, after which nothing is answered until the clock is right
    newest = context.watch.newest
    if newest is None:
        return False
    return abs((newest.timings.predicted_at - datetime.now(UTC)).total_seconds() - off_s) < _TOLERANCE_S


FAULTS = (
    Fault("clock jumps by half an hour", 3, jump(HALF_HOUR_S), launcher=with_clock, unavailable=no_compiler),
    Fault("clock jumps by a day", 1, jump(DAY_S), launcher=with_clock, unavailable=no_compiler),
)
