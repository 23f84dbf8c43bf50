"""The `mmdigit` command: its subcommands and its entry point."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliSubCommand, SettingsConfigDict, get_subcommand

from mmdigit.commands.form import FormCommands
from mmdigit.commands.listen import ListenSettings
from mmdigit.commands.read_line import ReadLineSettings
from mmdigit.commands.say import SaySettings
from mmdigit.commands.show import ShowSettings
from mmdigit.commands.token import TokenCommands
from mmdigit.commands.training import (
    CalibrateSettings,
    DataCommands,
    EvaluateSettings,
    ExportSettings,
    FinetuneSettings,
    StudyCommands,
    TrainSettings,
)
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.settings.base import ProgramSettings, documented
from mmdigit.settings.model import Threads, Weights
from mmdigit.settings.program import run_program
from schemas.errors import SettingsError


class PredictSettings(ProgramSettings):
    """Reads one digit and prints the prediction as JSON, or reads a manifest or folder and writes a CSV table."""

    prog: ClassVar[str] = "mmdigit predict"

    image: Annotated[Path | None, Field(description="PNG, JPEG, TIFF or WebP of one digit, or 784 raw bytes")] = None
    audio: Annotated[Path | None, Field(description="WAV, FLAC or Ogg Opus of one spoken digit")] = None
    manifest: Annotated[
        Path | None,
        Field(
            description="CSV with columns id,image,audio,label, paths relative to it, cells may be empty; or folder of "
            "image and audio files paired by stem"
        ),
    ] = None
    recursive: Annotated[bool, Field(description="with a folder: also read the folders inside it")] = False
    output: Annotated[Path | None, Field(description="CSV file for the predictions; needs --manifest")] = None
    target_error: TargetError = DEFAULT_TARGET_ERROR
    weights: Weights = None
    threads: Threads = 1

    @model_validator(mode="after")
    def _check_inputs(self) -> Self:
        if (self.manifest is None) == (self.image is None and self.audio is None):
            raise ValueError("expected --image, --audio or both, or else --manifest")
        if (self.manifest is None) != (self.output is None):
            raise ValueError("expected --manifest and --output together, got one of them")
        return self

    def run(self) -> int:
        from mmdigit.commands.predict import predict_manifest, predict_one, summary, target_error_report
        from mmdigit.reading.predictor import Predictor

        predictor = Predictor.load(self.weights, threads=self.threads, target_error=self.target_error)
        if self.manifest is None or self.output is None:
            sys.stdout.write(f"{predict_one(predictor, self.image, self.audio).model_dump_json()}\n")
            return 0
        tally = predict_manifest(predictor, self.manifest, self.output, sys.stderr, recursive=self.recursive)
        sys.stdout.write(summary(tally, self.output) + target_error_report(predictor))
        return 1 if tally.failed else 0


class MmdigitCommands(ProgramSettings):
    """Reads digits which were both written and spoken."""

    model_config = SettingsConfigDict(cli_shortcuts={"count": "n", "output": "o"})

    predict: Annotated[CliSubCommand[PredictSettings], documented(PredictSettings)]
    listen: Annotated[CliSubCommand[ListenSettings], documented(ListenSettings)]
    say: Annotated[CliSubCommand[SaySettings], documented(SaySettings)]
    read_line: Annotated[CliSubCommand[ReadLineSettings], documented(ReadLineSettings)]
    show: Annotated[CliSubCommand[ShowSettings], documented(ShowSettings)]
    form: Annotated[CliSubCommand[FormCommands], documented(FormCommands)]
    token: Annotated[CliSubCommand[TokenCommands], documented(TokenCommands)]
    evaluate: Annotated[CliSubCommand[EvaluateSettings], documented(EvaluateSettings)]
    train: Annotated[CliSubCommand[TrainSettings], documented(TrainSettings)]
    study: Annotated[CliSubCommand[StudyCommands], documented(StudyCommands)]
    export: Annotated[CliSubCommand[ExportSettings], documented(ExportSettings)]
    calibrate: Annotated[CliSubCommand[CalibrateSettings], documented(CalibrateSettings)]
    finetune: Annotated[CliSubCommand[FinetuneSettings], documented(FinetuneSettings)]
    data: Annotated[CliSubCommand[DataCommands], documented(DataCommands)]


COMMANDS = {command.prog.removeprefix("mmdigit "): command for command in MmdigitCommands.leaves()}
"""The settings class of every command, by its words such as "data download"."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 = success, 1 = some input failed, 2 = wrong settings or files, 130 = interrupted."""
    return run_program("mmdigit", _main, argv)


def _main(argv: Sequence[str]) -> int:
    command: ProgramSettings = MmdigitCommands.load(argv)
    while choices := type(command).subcommands():
        chosen = get_subcommand(command, is_required=False)
        if not isinstance(chosen, ProgramSettings):
            raise SettingsError(f"expected a command ({', '.join(choices)}), got none; see {command.prog} --help")
        command = chosen
    return command.run()


if __name__ == "__main__":
    sys.exit(main())
