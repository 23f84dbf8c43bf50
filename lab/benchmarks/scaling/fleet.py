"""Tasks that share partitions, second by second: what they work off, what CloudWatch learns of it, what it costs."""

from dataclasses import dataclass, field
from itertools import accumulate

from lab.benchmarks.scaling.profiles import Profile
from lab.benchmarks.scaling.target_tracking import PERIOD_S, Activity, Scaler

METRIC_DELAY_PERIODS = 1
"""MSK and ECS publish each minute, and a minute's value is there when the next one is over."""

STORM_EVERY_S = 20


@dataclass(frozen=True, slots=True)
class Tasks:
    """How tasks behave.

    jobs_per_s: of one task under full load. start_s: from wanted to working. rebalance_s: for how long nobody works
    when a task comes or goes; storm_rebalance_s: the same in a storm, where one comes every STORM_EVERY_S.
    """

    jobs_per_s: float
    start_s: float
    rebalance_s: float
    storm_rebalance_s: float
    partitions: int


@dataclass(slots=True)
class Run:
    """What happened. Lists have one entry a second: backlog in jobs at its end, running tasks, tasks that are paid for,
    and jobs that came and were worked off in it."""

    backlog: list[float] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    paid: list[int] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    def longest_wait_s(self) -> float:
        """How long the job waited that waited longest, in order of arrival."""
        came = list(accumulate(self.arrived))
        longest = first = 0
        for now_s, done in enumerate(accumulate(self.served)):
            while first < now_s and came[first] <= done + 1e-6:
                first += 1
            if self.backlog[now_s] > 0.5:
                longest = max(longest, now_s + 1 - first)
        return float(longest)


def simulate(profile: Profile, tasks: Tasks, scaler: Scaler, assumed_jobs_per_s: float) -> Run:
    """assumed_jobs_per_s: what the metric takes for a task's rate, right or wrong.

    The scaler has two policies: seconds of backlog, and CPU in percent.
    """
    run = Run()
    waiting = [0.0] * tasks.partitions
    running, starting = scaler.capacity, list[float]()
    still_until_s = 0.0
    busy: list[float] = []
    published: list[tuple[float | None, float | None]] = []
    for now_s in range(profile.seconds):
        come = [at_s for at_s in starting if at_s <= now_s]
        if come:
            starting = [at_s for at_s in starting if at_s > now_s]
            running += len(come)
            still_until_s = now_s + tasks.rebalance_s
        if profile.storm.holds(now_s) and (now_s - int(profile.storm.start_s)) % STORM_EVERY_S == 0:
            still_until_s = max(still_until_s, now_s + tasks.storm_rebalance_s)

        came = profile.jobs(now_s)
        waiting = [jobs + came / tasks.partitions for jobs in waiting]
        moving = min(1.0, max(0.0, now_s + 1 - still_until_s))  # share of this second in which they work
        served, used = _work(waiting, running, tasks.jobs_per_s * moving)
        busy.append(used * moving)

        run.arrived.append(came)
        run.served.append(served)
        run.backlog.append(sum(waiting))
        run.running.append(running)
        run.paid.append(running + len(starting))

        if (now_s + 1) % PERIOD_S == 0:
            stable = now_s + 1 > still_until_s and not profile.storm.holds(now_s)
            lag = run.backlog[-1] / (running * assumed_jobs_per_s)
            published.append(
                (
                    lag if stable and not profile.lag_missing.holds(now_s) else None,
                    None if profile.cpu_missing.holds(now_s) else 100 * sum(busy) / len(busy),
                )
            )
            busy = []
            newest = published[-1 - METRIC_DELAY_PERIODS] if len(published) > METRIC_DELAY_PERIODS else (None, None)
            if activity := scaler.minute(now_s + 1, newest):
                run.activities.append(activity)
                more = activity.after - activity.before
                if more > 0:
                    starting += [now_s + 1 + tasks.start_s] * more
                else:  # by then, after a quarter of an hour, none is starting
                    running += more
                    still_until_s = now_s + 1 + tasks.rebalance_s
    return run


def _work(waiting: list[float], running: int, jobs: float) -> tuple[float, float]:
    """Each task works off up to so many jobs of its own partitions, in place: how many in all, and the mean share of
    the tasks' time that it took. Partitions are dealt out in turn, so that some tasks may have one more than others."""
    served = used = 0.0
    for task in range(min(running, len(waiting))):
        own = range(task, len(waiting), running)
        there = sum(waiting[partition] for partition in own)
        taken = min(there, jobs)
        if taken > 0:
            left = 1 - taken / there
            for partition in own:
                waiting[partition] *= left
            served += taken
            used += taken / jobs
    return served, used / running
