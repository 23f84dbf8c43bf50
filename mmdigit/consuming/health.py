"""What /healthz and /readyz answer, before and after the loop starts."""

from mmdigit.consuming.loop import ConsumingLoop
from mmdigit.telemetry.health import Status


class LoopHealth:
    """Alive while the loop turns; ready while it has partitions and waits for no service."""

    def __init__(self, stuck_after_s: float) -> None:
        self.loop: ConsumingLoop | None = None
        self.waiting_for = ""
        """The missing topic that the start waits for; empty if there is none."""
        self._stuck_after_s = stuck_after_s

    def alive(self) -> Status:
        if self.loop is None:
            return Status(True, "starting")
        if self.loop.failed:
            return Status(False, f"ending: {self.loop.failed}")
        silent_s = self.loop.since_turn_s
        if silent_s > self._stuck_after_s:
            return Status(False, f"stuck: the loop has not turned for {silent_s:.0f} s")
        return Status(True, "alive")

    def ready(self) -> Status:
        if self.loop is None:
            return Status(False, self.waiting_for or "loading the model, or connecting")
        if self.loop.waiting_for:
            return Status(False, self.loop.waiting_for)
        if not self.loop.assigned:
            return Status(False, "no partitions assigned yet")
        return Status(True, f"ready, {len(self.loop.assigned)} partitions")
