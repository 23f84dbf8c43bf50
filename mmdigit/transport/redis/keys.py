"""Which keys hold what: one bucket on one server, 128 buckets on a Redis Cluster.

    one server                      Redis Cluster
    mmdigit:prediction:{job_id}     mmdigit:prediction:{TAG}:{job_id}   string: the prediction, with TTL
    mmdigit:dead:{job_id}           mmdigit:dead:{TAG}:{job_id}         string: {"reason": ..., "group": ...}, with TTL
    mmdigit:group:{group}           mmdigit:group:{TAG}:{group}         hash: done, dead; TTL anew with each change
    mmdigit:predictions             mmdigit:predictions:{TAG}           stream: first predictions, capped

On a cluster the braces around TAG are part of the key: they make all keys of a bucket share one slot, and so one
server, where one script writes a job's prediction and its group's count at once. A group's count is the sum over the
buckets. A job's bucket is the slot of its id (CLUSTER KEYSLOT) divided by 128; a bucket's tag is the smallest number
whose own slot lies in the same 128 slots, so that the buckets spread evenly over primaries that hold even ranges.
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
    """What the keys of a bucket begin with, and its feed's whole key. slot: of all of them, on a cluster."""

    prediction: str
    note: str
    group: str
    feed: str
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """All keys: in one bucket, or in BUCKETS of them."""

    buckets: tuple[Bucket, ...]

    def deal(self, job_ids: Sequence[str]) -> dict[int, Sequence[int]]:
        """For each bucket that has any of the jobs, their places in job_ids, in order."""
        if len(self.buckets) == 1:
            return {0: range(len(job_ids))} if job_ids else {}
        places: dict[int, list[int]] = defaultdict(list)
        for place, job_id in enumerate(job_ids):
            places[bucket_of(job_id)].append(place)
        return dict(places)

    def feed_share(self, length: int) -> int:
        """Of each bucket's feed, so that all of them hold the newest `length`: jobs spread by chance."""
        if len(self.buckets) == 1:
            return length
        mean = length / len(self.buckets)
        return math.ceil(mean + 5 * math.sqrt(mean)) + 5


def bucket_of(job_id: str) -> int:
    """On a cluster, in [0, BUCKETS)."""
    return key_slot(job_id.encode()) // _SLOTS_A_BUCKET


def _bucket(tag: str) -> Bucket:
    part = f"{{{tag}}}:"
    return Bucket(
        prediction=f"mmdigit:prediction:{part}",
        note=f"mmdigit:dead:{part}",
        group=f"mmdigit:group:{part}",
        feed=f"{FEED_KEY}:{{{tag}}}",
        slot=key_slot(tag.encode()),
    )


def _cluster() -> Layout:
    buckets: dict[int, Bucket] = {}
    numbers = itertools.count()
    while len(buckets) < BUCKETS:
        bucket = _bucket(str(next(numbers)))
        buckets.setdefault(bucket.slot // _SLOTS_A_BUCKET, bucket)
    return Layout(tuple(buckets[number] for number in range(BUCKETS)))


ONE_SERVER = Layout((Bucket("mmdigit:prediction:", "mmdigit:dead:", "mmdigit:group:", FEED_KEY),))
CLUSTER = _cluster()
