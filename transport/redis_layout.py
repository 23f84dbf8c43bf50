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
from dataclasses import dataclass

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

BUCKETS = 128
FEED_KEY = "mmdigit:predictions"

_SLOTS_A_BUCKET = REDIS_CLUSTER_HASH_SLOTS // BUCKETS


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of keys. tags: of each bucket, or one that is empty."""

    tags: tuple[str, ...]

    @property
    def buckets(self) -> int:
        return len(self.tags)

    def bucket(self, job_id: str) -> int:
        """In [0, buckets)."""
        return key_slot(job_id.encode()) // _SLOTS_A_BUCKET if self.buckets > 1 else 0

    def prediction(self, job_id: str) -> str:
        return f"mmdigit:prediction:{self._part(self.bucket(job_id))}{job_id}"

    def note(self, job_id: str) -> str:
        """The note that the job is a dead letter."""
        return f"mmdigit:dead:{self._part(self.bucket(job_id))}{job_id}"

    def group(self, bucket: int, group: str) -> str:
        return f"mmdigit:group:{self._part(bucket)}{group}"

    def feed(self, bucket: int) -> str:
        return f"{FEED_KEY}:{{{self.tags[bucket]}}}" if self.tags[bucket] else FEED_KEY

    def feed_share(self, length: int) -> int:
        """Of each bucket's feed, so that all of them hold the newest `length`: jobs spread by chance."""
        if self.buckets == 1:
            return length
        mean = length / self.buckets
        return math.ceil(mean + 5 * math.sqrt(mean)) + 5

    def _part(self, bucket: int) -> str:
        return f"{{{self.tags[bucket]}}}:" if self.tags[bucket] else ""


def slot_of(tag: str) -> int:
    """The slot of all keys with this tag."""
    return key_slot(tag.encode())


def _tags() -> tuple[str, ...]:
    tags: dict[int, str] = {}
    numbers = itertools.count()
    while len(tags) < BUCKETS:
        tag = str(next(numbers))
        tags.setdefault(slot_of(tag) // _SLOTS_A_BUCKET, tag)
    return tuple(tags[bucket] for bucket in range(BUCKETS))


ONE_SERVER = Layout(("",))
CLUSTER = Layout(_tags())
