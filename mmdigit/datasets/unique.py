"""Finds what may stand twice among millions of ids, in 8 bytes each."""

import hashlib
import os
from array import array

import numpy as np

MAX_NAMED = 1000


class Digests:
    """A digest of each id. Salted, so that nobody can choose ids whose digests are equal."""

    def __init__(self) -> None:
        self._salt = os.urandom(16)
        self._digests = array("Q")

    def add(self, text: str) -> None:
        self._digests.append(self._digest(text))

    def twice(self) -> "Suspects":
        """Those that stand there more than once, at most MAX_NAMED of them. Sorts; add none after it."""
        digests = np.frombuffer(self._digests, np.uint64) if self._digests else np.zeros(0, np.uint64)
        digests.sort()
        found = digests[1:][digests[1:] == digests[:-1]][:MAX_NAMED]
        return Suspects(set(found.tolist()), self)

    def _digest(self, text: str) -> int:
        content = text.encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=self._salt).digest(), "big")


class Suspects:
    """Ids whose digest stood there more than once: equal ids, or by chance not."""

    def __init__(self, digests: set[int], of: Digests) -> None:
        self._digests = digests
        self._of = of

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __contains__(self, text: str) -> bool:
        return self._of._digest(text) in self._digests
