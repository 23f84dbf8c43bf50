"""What watching over the HTTP API gives. Clients ignore fields of a later gateway."""

from schemas.api import GroupStatus
from schemas.message import ExtensibleMessage
from schemas.timestamp import Timestamp


class AnswerPace(ExtensibleMessage):
    """Answers that this gateway has seen, of all tenants, in the last `window_s` seconds; it sees them only while
    somebody watches. A dead letter is no answer."""

    window_s: float
    answers: int
    per_s: float
    """Over the last seconds alone."""
    review: int
    """How many of the answers a person has to look at."""
    p50_s: float | None = None
    """From a job's creation (its arrival at a gateway, or the time that its producer gave it) until this gateway saw
    its answer, within 5 %; null without answers."""
    p95_s: float | None = None


class SampledError(ExtensibleMessage):
    """How many accepted fields people found wrong who keyed a sample of them blind. unconfirmed: how many of the wrong
    ones only one person has said so far, or two who differ. bound: of all accepted fields, at most this share is wrong,
    with 95 % confidence, if all of them are. target: the share that the form allows."""

    keyed: int
    wrong: int
    unconfirmed: int = 0
    bound: float
    target: float


class WatchedGroup(GroupStatus):
    """How far a group is. sampled: of a group of pages, once a sample of its fields has been keyed."""

    sampled: SampledError | None = None


class WatchStatus(ExtensibleMessage):
    """How it is going."""

    at: Timestamp
    """When the gateway looked."""
    pace: AnswerPace
    backlog_s: float
    """How long the oldest of this gateway's jobs has waited for its outcome; 0 if none waits."""
    max_backlog_s: float
    """Beyond it, new jobs are refused."""
    silent_s: float | None = None
    """Seconds without any outcome while work waits: if they grow, no worker answers. Null if nothing waits."""
    missing: tuple[str, ...] = ()
    """What the gateway waits for: topic of jobs, feed, store or database. What it gives is then as last known."""
    groups: tuple[WatchedGroup, ...] = ()
    """The caller's, newest first."""
    more_groups: bool = False
    """Whether there are older ones."""
    grafana_url: str | None = None
    """Dashboards."""
