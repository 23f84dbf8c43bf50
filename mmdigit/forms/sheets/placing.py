"""Which page of the form a scan is, and where everything on it lies; or the reason why nobody can say.

Nothing is guessed: a page passes if the markers agree with each other, the QR code names a page of this form, and the
printed boxes are seen where they should be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import zxingcpp

from mmdigit.forms.adopt.blank import blank_pages
from mmdigit.forms.adopt.patches import fit_fields
from mmdigit.forms.adopt.print_removal import without_print
from mmdigit.forms.adopt.recognising import recognise
from mmdigit.forms.pages.page import PageFault, PageReason, Pixels, ScannedPage
from mmdigit.forms.printing.page_identity import PageIdentity, read_identity
from mmdigit.forms.registration.fitting import MIN_MARKERS, Registration, find_markers, fit, is_mirrored
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness, flatten, softened
from mmdigit.forms.registration.frames import FrameFit, fit_frames
from mmdigit.forms.template.layout import QUIET_MM, Slot, qr_rect, slots_of
from mmdigit.forms.template.template import Template

MAX_LEFT_OUT_MM = 1.0  # root mean square; the true error is about half of it (lab/benchmarks/forms)
MIN_FRAMES = 0.7  # of the fields whose boxes must be seen
BLANK_INK = 0.002  # of the page's area; a line of text has more
_QR_CODE = zxingcpp.barcode_formats_from_str("QRCode")


@dataclass(frozen=True, eq=False)
class PlacedPage:
    """A page of the form, laid flat. slots and frames: of each field, in the template's order."""

    number: int
    """In its file, from 1."""
    identity: PageIdentity
    registration: Registration
    darkness: Darkness
    slots: tuple[Slot, ...]
    frames: tuple[FrameFit, ...]


def place(page: ScannedPage, template: Template) -> PlacedPage | PageFault:
    """Where the template's page lies in the scan."""
    if template.blank is not None:
        return _on_blank(page, template)
    markers = find_markers(page.pixels)
    registration = fit(markers, template.size_mm)
    if registration is None:
        return _without_markers(page, len(markers.ids))
    darkness = flatten(page.pixels, registration)
    identity = _identity(page.pixels, darkness, template)
    if isinstance(identity, tuple):
        return PageFault(page.number, *identity)
    slots = slots_of(template, identity.page - 1)
    return _checked(page, identity, registration, darkness, slots, fit_frames)


def _on_blank(page: ScannedPage, template: Template) -> PlacedPage | PageFault:
    """A scan of a form that somebody else printed: it has no serial number, 0 stands for it."""
    if _is_blank(page.pixels):
        return _blank(page)
    found = recognise(page.pixels, blank_pages(template), template.size_mm)
    if isinstance(found, tuple):
        return PageFault(page.number, *found)
    identity = PageIdentity(template.form, template.revision, found.page.number, 0)
    darkness = flatten(softened(page.pixels), found.registration)
    placed = _checked(
        page, identity, found.registration, darkness, found.page.slots, lambda flat, _: fit_fields(flat, found.page)
    )
    if isinstance(placed, PageFault):
        return placed
    slots = tuple(replace(slot, framed=False) for slot in placed.slots)
    return replace(placed, slots=slots, darkness=without_print(darkness, found.page, placed.frames))


def _checked(
    page: ScannedPage, identity: PageIdentity, registration: Registration, darkness: Darkness, slots: tuple[Slot, ...],
    fit_fields_of: Callable[[Darkness, Sequence[Slot]], list[FrameFit]],
) -> PlacedPage | PageFault:  # fmt: skip
    """The page, if it is flat enough and most of its fields are seen."""
    if registration.left_out_mm > MAX_LEFT_OUT_MM:
        what = "markers" if registration.markers else "print"
        return PageFault(
            page.number, "bent",
            f"expected {what} within {MAX_LEFT_OUT_MM:g} mm of where the others say, got "
            f"{registration.left_out_mm:.1f} mm; flatten the sheet and scan it again",
        )  # fmt: skip
    frames = fit_fields_of(darkness, slots)
    found = sum(frame.found for frame in frames)
    if found < MIN_FRAMES * len(slots):
        return PageFault(
            page.number, "frames_not_found",
            f"expected the printed boxes of most of {len(slots)} fields, got those of {found}; scan it in grey at "
            "150 dpi or more",
        )  # fmt: skip
    return PlacedPage(page.number, identity, registration, darkness, slots, tuple(frames))


def _without_markers(page: ScannedPage, n_found: int) -> PageFault:
    if is_mirrored(page.pixels):
        return PageFault(page.number, "mirrored", "expected the page, got its mirror image; scan its printed side")
    if _is_blank(page.pixels):
        return _blank(page)
    message = (
        f"expected at least {MIN_MARKERS} of 8 markers, got {n_found}; scan the whole sheet, nothing over its edges"
    )
    return PageFault(page.number, "no_markers", message)


def _blank(page: ScannedPage) -> PageFault:
    return PageFault(page.number, "blank_page", "expected a page of the form, got an empty one; nothing to do")


def _is_blank(pixels: Pixels) -> bool:
    """Whether next to nothing is darker than the paper around it, the scan's own edges left out."""
    height, width = pixels.shape
    inner = pixels[height // 20 : -height // 20, width // 20 : -width // 20]
    small = cv2.GaussianBlur(cv2.resize(inner, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), (0, 0), 1)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8))
    return float(np.mean(paper.astype(np.int16) - small > 40)) < BLANK_INK


def _identity(pixels: Pixels, darkness: Darkness, template: Template) -> PageIdentity | tuple[PageReason, str]:
    """What the QR code says, if it is a page of the template."""
    found = _read_code(darkness, template) or _decode(pixels)
    identity = read_identity(found)
    if identity is None:
        got = "none that can be read" if not found else "another"
        return "no_identity", f"expected the QR code of a form, got {got}; type the page's values in"
    if identity.form != template.form:
        return "foreign_form", f"expected form {template.form}, got {identity.form}; read it with its own template"
    if identity.revision != template.revision:
        got = f"revision {template.revision} of form {template.form}, got revision {identity.revision}"
        return "wrong_revision", f"expected {got}; read it with the template that it was printed from"
    if not 1 <= identity.page <= len(template.pages):
        return "unknown_page", f"expected a page from 1 to {len(template.pages)}, got page {identity.page}"
    return identity


def _read_code(darkness: Darkness, template: Template) -> str:
    area = qr_rect(template.size_mm).grown(QUIET_MM)
    left, top, right, bottom = (round(side * PX_PER_MM) for side in area)
    crop = darkness[max(0, top) : bottom, max(0, left) : right]
    return _decode(np.round(255 * (1 - crop)).astype(np.uint8))


def _decode(pixels: Pixels) -> str:
    found = zxingcpp.read_barcode(np.ascontiguousarray(pixels), formats=_QR_CODE)
    return found.text[:64] if found is not None else ""
