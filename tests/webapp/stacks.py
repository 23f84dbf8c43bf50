"""Stacks of filled-in forms of which people have to look at something, sent to the gateway and read."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ImageDraw
from stdnum import luhn

from mmdigit.forms.loading import load_template
from mmdigit.forms.template.layout import Slot, slots_of
from samples.api import FORM
from samples.demo_forms import DPI, fill_pages

READ_WITHIN_S = 300.0
CROSSED = "born"
"""A box of this field is crossed out, so that its digit is not read."""
UNSURE = "amount"
"""No answer is sure enough for this field."""
TWICE = "arrived"
"""Two people key this field."""
_PX_PER_MM = DPI / 25.4

Written = dict[str, str]
"""The digits of each field, as they are written."""


def write_form(path: Path, *, unsure_grid: bool = False) -> Path:
    """The example form, with a field that is never sure enough and one that two people key. unsure_grid: the fields of
    its grid are never sure enough, too."""
    text, unsure = FORM.read_text(encoding="utf-8"), "target_error: 0.000000000000001"
    for name, keys in (
        (UNSURE, unsure),
        (TWICE, "keyed_by: 2"),
        *((("article", unsure), ("count", unsure)) if unsure_grid else ()),
    ):
        text, found = re.subn(rf"^( +)- name: {name}$", rf"\g<0>\n\1  {keys}", text, flags=re.M)
        assert found == 1
    path.write_text(text, encoding="utf-8")
    return path


def odd_value(slot: Slot, rng: np.random.Generator) -> str:
    """What fails the field's checks, if it has any, so that it goes to review although its digits are read."""
    digits = "".join(map(str, rng.integers(10, size=slot.field.boxes.count)))
    match slot.name:
        case "member":
            return digits[:-1] + str((int(luhn.calc_check_digit(digits[:-1])) + 1) % 10)
        case "born":
            return f"3102{rng.integers(1940, 2010)}"
        case "arrived":
            return f"{rng.integers(24, 30)}{rng.integers(60):02}"
        case "amount":
            return digits
    return ""  # the grid


def write_stack(
    path: Path, form: Path, copies: int, value_of: Callable[[Slot, np.random.Generator], str] = odd_value
) -> dict[int, Written]:
    """Print, fill in and scan so many copies into a PDF file; returns what is written, by serial number."""
    blank, template = path.with_name(f"{path.stem}-blank.pdf"), load_template(form)
    command = [sys.executable, "-m", "mmdigit", "form", "print", str(form), "-n", str(copies), "-o", str(blank)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    written, pages = fill_pages(template, blank, value_of)
    box = next(slot for slot in slots_of(template, 0) if slot.name == CROSSED).boxes[2]
    for page in pages:
        left, top, right, bottom = (side * _PX_PER_MM for side in (box.left, box.top, box.right, box.bottom))
        pen = ImageDraw.Draw(page)
        for start, end in (((left, top), (right, bottom)), ((left, bottom), (right, top))):
            pen.line((*start, *end), fill=30, width=5)
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=DPI)
    return written


def send_stack(url: str, path: Path, group: str, token: str = "") -> None:
    """Send a scan to the gateway and wait until its pages have values. Raises TimeoutError."""
    login = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"{url}/v1/forms/INTK/pages?group={group}"
    request = urllib.request.Request(address, path.read_bytes(), {"Content-Type": "application/pdf", **login})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310  the test's own gateway
        pass
    deadline_s = time.monotonic() + READ_WITHIN_S
    while time.monotonic() < deadline_s:
        status = urllib.request.Request(f"{url}/v1/groups/{group}", headers=login)  # noqa: S310
        with urllib.request.urlopen(status, timeout=60) as answer:  # noqa: S310
            if json.load(answer)["finished"]:
                return
        time.sleep(0.2)
    raise TimeoutError(f"expected the pages of {group} to be read, got none in {READ_WITHIN_S:.0f} s")
