"""Target tracking as Application Auto Scaling documents it: alarms, proportional steps, cooldowns, several policies.

Documented, and followed here:
- Capacity is added in proportion to metric / target, and fractions of a task are rounded up. [1]
- During the scale-out cooldown only a larger scale-out counts, measured from before the first. [1, 2]
- A scale-in waits for the scale-in cooldown; a scale-out ends that cooldown. [1, 2]
- Any policy scales out, the largest capacity wins; scale-in needs all of them. [1]
- A metric without data scales nothing. [1]
- An alarm calls its policy again each minute that it lasts. [3]

The alarms are those that ECS services are seen to get: above the target for 3 minutes, below 90 % of it for 15. [4]

Not documented and assumed: a gap in these minutes starts the count anew; the step is computed from the newest minute,
and down to the whole of what the metric asks for, which swings more than any gentler way would.

1 https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
2 https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
3 https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
4 https://aws.github.io/copilot-cli/docs/developing/observability/ (a target of 70 %: below 63 % for 15 of 15 minutes)
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PERIOD_S = 60
HIGH_PERIODS = 3
LOW_PERIODS = 15
LOW_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Policy:
    """One target tracking policy. target: in the metric's unit."""

    name: str
    target: float
    scale_out_cooldown_s: float
    scale_in_cooldown_s: float


@dataclass(frozen=True, slots=True)
class Activity:
    """One change of the wanted capacity. why: the names of the policies that asked for it."""

    at_s: float
    before: int
    after: int
    why: tuple[str, ...]


class _Tracked:
    """A policy, the newest minutes of its metric, and its last scale-out."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._minutes: deque[float | None] = deque(maxlen=LOW_PERIODS)
        self._out_at_s = -math.inf
        self._out_from = 0

    def observe(self, value: float | None) -> None:
        self._minutes.append(value)

    def high(self) -> bool:
        return self._all(HIGH_PERIODS, lambda value: value > self.policy.target)

    def low(self) -> bool:
        return self._all(LOW_PERIODS, lambda value: value < LOW_SHARE * self.policy.target)

    def asked(self, capacity: int) -> int:
        """The capacity that would bring the newest minute's metric to the target."""
        newest = self._minutes[-1] or 0.0  # never missing: it is asked while an alarm sounds
        return math.ceil(round(capacity * newest / self.policy.target, 9))  # 8 * 0.1 / 0.8 is 1, not a bit more

    def asked_out(self, now_s: float, capacity: int) -> int:
        cooling = now_s < self._out_at_s + self.policy.scale_out_cooldown_s
        return self.asked(self._out_from if cooling else capacity)

    def scaled_out(self, now_s: float, before: int) -> None:
        if now_s >= self._out_at_s + self.policy.scale_out_cooldown_s:
            self._out_at_s, self._out_from = now_s, before

    def _all(self, periods: int, breaches: Callable[[float], bool]) -> bool:
        newest = list(self._minutes)[-periods:]
        return len(newest) == periods and all(value is not None and breaches(value) for value in newest)


class Scaler:
    """The wanted capacity of one scalable target under several policies."""

    def __init__(self, policies: Sequence[Policy], least: int, most: int) -> None:
        self.capacity = least
        self._least, self._most = least, most
        self._tracked = [_Tracked(policy) for policy in policies]
        self._in_at_s = -math.inf
        self._in_cooldown_s = max(policy.scale_in_cooldown_s for policy in policies)

    def minute(self, now_s: float, metrics: Sequence[float | None]) -> Activity | None:
        """Take the newest value of each policy's metric, None where it is missing; what came of it."""
        for tracked, value in zip(self._tracked, metrics, strict=True):
            tracked.observe(value)
        return self._out(now_s) or self._in(now_s)

    def _out(self, now_s: float) -> Activity | None:
        high = [tracked for tracked in self._tracked if tracked.high()]
        asked = max((tracked.asked_out(now_s, self.capacity) for tracked in high), default=0)
        after = min(asked, self._most)
        if after <= self.capacity:
            return None
        for tracked in high:
            tracked.scaled_out(now_s, self.capacity)
        self._in_at_s = -math.inf
        return self._change(now_s, after, high)

    def _in(self, now_s: float) -> Activity | None:
        if now_s < self._in_at_s + self._in_cooldown_s or not all(tracked.low() for tracked in self._tracked):
            return None
        after = max(self._least, *(tracked.asked(self.capacity) for tracked in self._tracked))
        if after >= self.capacity:
            return None
        self._in_at_s = now_s
        return self._change(now_s, after, self._tracked)

    def _change(self, now_s: float, after: int, asking: Sequence[_Tracked]) -> Activity:
        activity = Activity(now_s, self.capacity, after, tuple(tracked.policy.name for tracked in asking))
        self.capacity = after
        return activity
