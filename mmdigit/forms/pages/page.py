"""A page as it was scanned, or why there is none; and the reasons for which a person has to look at a page."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width), 0 = black."""

PageReason = Literal[
    "unreadable",  # no page comes out of the file
    "blank_page",  # no markers, and next to no ink: the back of a sheet, or an empty one
    "no_markers",  # ink, but too few markers to say where anything is
    "ambiguous_page",  # of a blank that somebody else printed, two pages are seen in it alike
    "mirrored",  # scanned through the paper, or flipped by the scanner
    "no_identity",  # the QR code cannot be read
    "foreign_form",  # it is another form's
    "wrong_revision",  # the form's boxes have moved since
    "unknown_page",  # the form has no page of that number
    "bent",  # the left-out markers are not where the others say
    "frames_not_found",  # the printed boxes are not where the markers say
    "duplicate",  # the same page of the same copy is in the stack already
    "missing_page",  # other pages of the copy are there, this one is not
]


@dataclass(frozen=True, eq=False)
class ScannedPage:
    """One page of a file. number: in the file, from 1. dpi: what the file says, if it says so. scanner: what the file
    says made it, "" if it says nothing."""

    number: int
    pixels: Pixels
    dpi: float | None = None
    scanner: str = ""


@dataclass(frozen=True)
class SinglePage:
    """One page of a file as a file of its own. number: in the file, from 1. scanner: what the file says made it."""

    number: int
    content: bytes
    scanner: str


@dataclass(frozen=True)
class PageFault:
    """Why a page is not read. number: in the file, from 1. ended_decoder: it took too long, or ended the process that
    decodes pages."""

    number: int
    reason: PageReason
    message: str
    ended_decoder: bool = False
