"""Finds candidates for duplicates among millions of ids, in 8 bytes each."""

import hashlib
import os
from array import array

import numpy as np

MAX_CANDIDATES = 1000


class Digests:
    """A digest of each id, salted so that nobody can choose ids with equal digests."""

    def __init__(self) -> None:
        self._salt = os.urandom(16)
        self._digests = array("Q")

    def add(self, text: str) -> None:
        self._digests.append(self._digest(text))

    def duplicates(self) -> "Candidates":
        """The digests that occur more than once, at most MAX_CANDIDATES. Sorts in place: add no id afterwards."""
        digests = np.frombuffer(self._digests, np.uint64) if self._digests else np.zeros(0, np.uint64)
        digests.sort()
        found = digests[1:][digests[1:] == digests[:-1]][:MAX_CANDIDATES]
        return Candidates(set(found.tolist()), self)

    def _digest(self, text: str) -> int:
        content = text.encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=self._salt).digest(), "big")


class Candidates:
    """Ids whose digest occurs more than once: duplicates or, rarely, chance collisions."""

    def __init__(self, digests: set[int], source: Digests) -> None:
        self._digests = digests
        self._source = source

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __contains__(self, text: str) -> bool:
        return self._source._digest(text) in self._digests
