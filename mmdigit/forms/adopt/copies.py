"""Which pages of a stack make up one copy of a form without serial numbers: their order says so.

A page belongs to the copy before it only if it is the very next one of the form, counting pages that could not be
read: never are the pages of two copies mixed. Empty pages do not count: the backs of a sheet may be scanned, too.
"""

from dataclasses import replace

from mmdigit.forms.adopt.handwriting import KnownSheets
from mmdigit.forms.form_reader import ReadPage
from mmdigit.forms.page import PageFault
from mmdigit.forms.template import Template


class CopyNumbers:
    """Numbers the copies of one stack. A form with serial numbers keeps its own."""

    def __init__(self, template: Template) -> None:
        self._either = template.either_page
        self._sheets = KnownSheets()
        self._position = self._copies = self._last = self._unread = 0

    def numbered(self, read: ReadPage | PageFault, place: str) -> ReadPage | PageFault:
        """The page with its copy's serial number, or why it is not one: it is in the stack already.

        Call it for every page of the stack in order, read or not. place: its file and number, for people. A copy's
        number is that of its page among all pages of the stack if each page is a copy, else 1, 2, 3.
        """
        self._position += 1
        if isinstance(read, PageFault):
            self._unread += read.reason != "blank_page"
            return read
        if read.identity.serial:
            return read
        before = self._sheets.seen(read.identity.page, read.written, place)
        if before is not None:
            message = f"expected each sheet once, got one with the writing of {before}"
            return PageFault(read.number, "duplicate", f"{message}; remove one and read the stack again")
        if read.identity.page != self._last + self._unread + 1 or not self._last:
            self._copies += 1
        self._last, self._unread = read.identity.page, 0
        serial = self._position if self._either else self._copies
        return replace(read, identity=replace(read.identity, serial=serial))
