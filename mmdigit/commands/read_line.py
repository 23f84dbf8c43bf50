"""`mmdigit read-line`: reads a number that was written by hand in one line, from a photo or scan."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field
from pydantic_settings import CliPositionalArg

from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.model import Threads, Weights
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from mmdigit.numbers.written_number import WrittenNumber

EXPLAINED = {
    "no_digits": "no line of digits was found",
    "low_confidence": "a digit is not certain",
    "touching": "digits touch, and where to cut them is not certain",
    "count_unclear": "nobody has said how many digits there are (-n), and one may hide in another",
    "count_differs": "another number of digits than -n says fits better",
    "ink_left_out": "there is writing that belongs to no digit",
    "several_lines": "there is another line above or below",
    "not_a_digit": "something does not look like a digit",
    "struck_out": "a digit looks crossed out",
}
"""What each reason means, for people."""


class ReadLineSettings(ProgramSettings):
    """Reads a number that was written by hand in one line without boxes, from a photo or scan. A person has to look at
    what is not accepted."""

    prog: ClassVar[str] = "mmdigit read-line"

    photo: CliPositionalArg[
        Annotated[Path, Field(examples=["photo.jpg"], description="PNG, JPEG, TIFF or WebP of one line of digits")]
    ]
    count: Annotated[
        int | None, Field(ge=1, le=32, description="how many digits there are; without it, a person has to look")
    ] = None
    as_json: Annotated[
        bool, Field(validation_alias="json", description="prints one line of JSON instead of a table")
    ] = False
    overlay: Annotated[
        Path | None, Field(examples=["out.png"], description="PNG to draw: the photo, the cuts and what was read")
    ] = None
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        """Print what was read. Returns 1 if there is no line of digits."""
        from mmdigit.files.atomic import atomic_write_bytes, require_replaceable
        from mmdigit.numbers.line_overlay import draw_overlay
        from mmdigit.numbers.written import LineReader, read_line_photo
        from mmdigit.reading.predictor import Predictor

        if self.overlay is not None:
            require_replaceable(self.overlay)
            if self.overlay.exists() and self.photo.exists() and self.overlay.samefile(self.photo):
                raise SettingsError("expected another file than the photo for --overlay, got the same; name another")
        photo = read_line_photo(self.photo)
        number = LineReader(Predictor.load(self.weights, threads=self.threads)).read(photo, self.count)
        if self.overlay is not None:
            atomic_write_bytes(self.overlay, draw_overlay(photo, number))
        sys.stdout.write(f"{json.dumps(as_json(number))}\n" if self.as_json else as_table(number))
        return 0 if number.digits else 1


def as_json(number: "WrittenNumber") -> dict[str, Any]:
    """What --json prints."""
    return {
        "number": number.number,
        "confidence": number.confidence,
        "other": number.other,
        "decision": number.decision,
        "reasons": list(number.reasons),
        "digits": [
            {
                "label": digit.label,
                "confidence": digit.confidence,
                "runner_up": digit.runner_up,
                "box": list(digit.box),
                "cut": list(digit.cut_sides),
            }
            for digit in number.digits
        ],
        "model_version": number.model_version,
    }


def as_table(number: "WrittenNumber") -> str:
    """The number, why a person has to look at it, and a row a digit."""
    if not number.digits:
        return f"no number: {EXPLAINED['no_digits']}\n"
    lines = [f"{number.number}  {number.decision}, confidence {100 * number.confidence:.2f} %"]
    lines += [f"  {reason}: {EXPLAINED[reason]}" for reason in number.reasons]
    if number.reasons and number.other:
        lines.append(f"  or else: {number.other}")
    lines.append("place  digit  confidence  or else  left,top-right,bottom")
    for place, digit in enumerate(number.digits, 1):
        left, top, right, bottom = digit.box
        cut = f"  cut on the {' and '.join(digit.cut_sides)}" if digit.cut_sides else ""
        share = f"{100 * digit.confidence:.2f} %"
        lines.append(
            f"{place:>5}  {digit.label:>5}  {share:>10}  {digit.runner_up:>7}  {left},{top}-{right},{bottom}{cut}"
        )
    return "\n".join(lines) + "\n"
