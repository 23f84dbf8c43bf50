"""What /healthz and /readyz answer, before and after the loop starts."""

from mmdigit.telemetry.health import Status
from worker.loop import Worker


class WorkerHealth:
    """Alive while the loop turns; ready while it has partitions and waits for no service."""

    def __init__(self, stuck_after_s: float) -> None:
        self.worker: Worker | None = None
        self.waiting_for = ""
        """The missing topic that the start waits for; empty if there is none."""
        self._stuck_after_s = stuck_after_s

    def alive(self) -> Status:
        if self.worker is None:
            return Status(True, "starting")
        if self.worker.failed:
            return Status(False, f"ending: {self.worker.failed}")
        silent_s = self.worker.since_turn_s
        if silent_s > self._stuck_after_s:
            return Status(False, f"stuck: the loop has not turned for {silent_s:.0f} s")
        return Status(True, "alive")

    def ready(self) -> Status:
        if self.worker is None:
            return Status(False, self.waiting_for or "loading the model, or connecting")
        if self.worker.waiting_for:
            return Status(False, self.worker.waiting_for)
        if not self.worker.assigned:
            return Status(False, "no partitions assigned yet")
        return Status(True, f"ready, {len(self.worker.assigned)} partitions")
