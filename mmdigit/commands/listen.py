"""`mmdigit listen`: reads a number that is spoken in one recording, and prints its digits."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic_settings import CliPositionalArg

from mmdigit.numbers.decoding import MAX_DIGITS
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.model import Threads, Weights

if TYPE_CHECKING:
    from mmdigit.numbers.heard_number import HeardNumber


class ListenSettings(ProgramSettings):
    """Reads a number that is spoken in one recording, and prints its digits with times and confidence.

    Sound alone is never accepted: confirm the number by its check digit, or read it back.
    """

    prog: ClassVar[str] = "mmdigit listen"

    recording: CliPositionalArg[
        Annotated[Path, Field(examples=["number.wav"], description="WAV, FLAC or Ogg Opus file, up to a minute")]
    ]
    count: Annotated[
        int | None, Field(ge=1, le=MAX_DIGITS, description="how many digits the number has; by default any number")
    ] = None
    as_json: Annotated[
        bool, Field(validation_alias="json", description="print one line of JSON instead of the table")
    ] = False
    read_back: Annotated[bool, Field(description="say what was heard; needs a program that plays sound")] = False
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        """Returns 1 if no digit was heard."""
        from mmdigit.numbers.player import find_player, play
        from mmdigit.numbers.prompts import nothing_heard_wav, spoken_wav
        from mmdigit.numbers.spoken_reader import SpokenReader
        from mmdigit.reading.audio.limits import RECORDING
        from mmdigit.reading.digit_reader import file_content
        from mmdigit.reading.predictor import Predictor

        player = find_player() if self.read_back else None
        content = file_content(self.recording, RECORDING.max_bytes)
        heard = SpokenReader(Predictor.load(self.weights, threads=self.threads)).read(content, self.count)
        sys.stdout.write(f"{json.dumps(heard.as_json())}\n" if self.as_json else table(heard))
        if player is not None:
            sys.stdout.flush()
            play(player, spoken_wav(heard.value) if heard.digits else nothing_heard_wav())
        return 0 if heard.digits else 1


def table(heard: "HeardNumber") -> str:
    """The number, why it needs looking at, and a line for each digit."""
    lines = [heard.value or heard.messages[0]]
    if heard.digits:
        lines += [
            f"  confidence {_percent(heard.confidence)}, {heard.decision}: {'; '.join(heard.messages)}",
            "  digit   from s     to s  confidence  or else",
        ]
    lines += [
        f"  {digit.label:>5} {digit.start_s:8.2f} {digit.end_s:8.2f} {_percent(digit.confidence):>11}  "
        f"{digit.runner_up} ({_percent(digit.runner_up_confidence)})"
        for digit in heard.digits
    ]
    return "".join(f"{line}\n" for line in lines)


def _percent(share: float) -> str:
    """With one decimal, and never a whole 100 %."""
    return f"{min(100 * share, 99.9):.1f} %"
