"""`mmdigit say`: speaks a number digit by digit."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic_settings import CliPositionalArg

from mmdigit.numbers.prompts import require_speakable
from mmdigit.settings.base import ProgramSettings
from schemas.errors import SettingsError
from schemas.printable import printable


class SaySettings(ProgramSettings):
    """Says a number digit by digit, from recordings that come with the project, or writes that to a WAV file."""

    prog: ClassVar[str] = "mmdigit say"

    number: CliPositionalArg[
        Annotated[
            str,
            AfterValidator(require_speakable),
            Field(examples=["4711"], description="digits; a space or hyphen makes a longer pause"),
        ]
    ]
    output: Annotated[
        Path | None, Field(description="WAV file to write; by default it is played, which needs a program that can")
    ] = None

    def run(self) -> int:
        from mmdigit.files.atomic import atomic_write_bytes
        from mmdigit.numbers.player import find_player, play
        from mmdigit.numbers.prompts import spoken_wav

        wav = spoken_wav(self.number)
        if self.output is None:
            try:
                player = find_player()
            except SettingsError as error:
                raise SettingsError(f"{error} of them, or set --output") from error
            play(player, wav)
        else:
            atomic_write_bytes(self.output, wav)
            sys.stderr.write(f"{len(wav)} bytes: {printable(str(self.output), 200)}\n")
        return 0
