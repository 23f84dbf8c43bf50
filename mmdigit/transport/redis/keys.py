"""Key names: one bucket on a single server, 128 buckets on a Redis Cluster.

    single server                   Redis Cluster
    mmdigit:prediction:{job_id}     mmdigit:prediction:{TAG}:{job_id}   string: the prediction, with TTL
    mmdigit:dead:{job_id}           mmdigit:dead:{TAG}:{job_id}         string: {"reason": ..., "group": ...}, with TTL
    mmdigit:group:{group}           mmdigit:group:{TAG}:{group}         hash: done, dead, first (outcomes.py); each
                                                                        change renews the TTL
    mmdigit:outcomes:{group}        mmdigit:outcomes:{TAG}:{group}      list: the group's jobs (outcomes.py); each
                                                                        change renews the TTL
    mmdigit:predictions             mmdigit:predictions:{TAG}           stream: first predictions, capped

On a cluster the braces around TAG are part of the key. They put all keys of a bucket in one slot, and so on one
server, where a script updates a job's prediction and its group's count together. A group's count is the sum over all
buckets. A job's bucket is the slot of its id (CLUSTER KEYSLOT) divided by 128. A bucket's tag is the smallest number
whose own slot is in the same range of 128 slots, so buckets spread evenly over primaries with equal slot ranges.
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

BUCKETS = 128
FEED_KEY = "mmdigit:predictions"

_SLOTS_A_BUCKET = REDIS_CLUSTER_HASH_SLOTS // BUCKETS


@dataclass(frozen=True, slots=True)
class Bucket:
    """The key prefixes of a bucket, and the key of its feed. slot: the slot of all its keys, on a cluster."""

    prediction: str
    note: str
    group: str
    outcomes: str
    feed: str
    slot: int = 0


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """All keys, in one bucket or in BUCKETS."""

    buckets: tuple[Bucket, ...]

    def group_by_bucket(self, job_ids: Sequence[str]) -> dict[int, Sequence[int]]:
        """For each bucket that contains any of the jobs, their indices in job_ids, in order."""
        if len(self.buckets) == 1:
            return {0: range(len(job_ids))} if job_ids else {}
        indices: dict[int, list[int]] = defaultdict(list)
        for index, job_id in enumerate(job_ids):
            indices[bucket_of(job_id)].append(index)
        return dict(indices)

    def feed_length_per_bucket(self, length: int) -> int:
        """The length of each bucket's feed such that together they hold the newest `length`: jobs spread at random."""
        if len(self.buckets) == 1:
            return length
        mean = length / len(self.buckets)
        return math.ceil(mean + 5 * math.sqrt(mean)) + 5


def bucket_of(job_id: str) -> int:
    """The job's bucket on a cluster, in [0, BUCKETS)."""
    return key_slot(job_id.encode()) // _SLOTS_A_BUCKET


def _bucket(tag: str) -> Bucket:
    part = f"{{{tag}}}:"
    return Bucket(
        prediction=f"mmdigit:prediction:{part}",
        note=f"mmdigit:dead:{part}",
        group=f"mmdigit:group:{part}",
        outcomes=f"mmdigit:outcomes:{part}",
        feed=f"{FEED_KEY}:{{{tag}}}",
        slot=key_slot(tag.encode()),
    )


def _cluster() -> KeyLayout:
    buckets: dict[int, Bucket] = {}
    numbers = itertools.count()
    while len(buckets) < BUCKETS:
        bucket = _bucket(str(next(numbers)))
        buckets.setdefault(bucket.slot // _SLOTS_A_BUCKET, bucket)
    return KeyLayout(tuple(buckets[number] for number in range(BUCKETS)))


SINGLE_SERVER_KEYS = KeyLayout(
    (Bucket("mmdigit:prediction:", "mmdigit:dead:", "mmdigit:group:", "mmdigit:outcomes:", FEED_KEY),)
)
CLUSTER_KEYS = _cluster()
