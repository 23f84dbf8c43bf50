"""Which page of which form a sheet is: the text of its QR code, 14 characters."""

import re
from dataclasses import dataclass

import numpy as np

MAX_SERIAL = 36**5 - 1
_TEXT = re.compile(r"M([A-Z0-9]{4})([A-Z0-9]{2})([A-Z0-9]{2})([A-Z0-9]{5})")


@dataclass(frozen=True)
class PageIdentity:
    """form: the template's code. revision: its own. page: from 1. serial: of the copy, the same on all its pages;
    0 on a form that somebody else printed, whose copies have none."""

    form: str
    revision: int
    page: int
    serial: int

    @property
    def text(self) -> str:
        """What the QR code holds: M, form, revision, page, serial; the numbers to base 36. 14 characters."""
        return f"M{self.form}{_base36(self.revision, 2)}{_base36(self.page, 2)}{_base36(self.serial, 5)}"

    @property
    def printed(self) -> str:
        """What a person reads beside it."""
        return f"{self.form} r{self.revision} p{self.page} #{self.serial}"


def read_identity(text: str) -> PageIdentity | None:
    """What a QR code says; None if it is none of ours."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    form, revision, page, serial = found.groups()
    return PageIdentity(form, int(revision, 36), int(page, 36), int(serial, 36))


def _base36(number: int, width: int) -> str:
    digits = np.base_repr(number, 36).zfill(width)
    if len(digits) > width:
        raise ValueError(f"expected a number of {width} digits to base 36, got a larger one")
    return digits
