"""The `mmdigit` command: settings and entry point of each subcommand. Only train, study and export need torch."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliSubCommand, SettingsConfigDict, get_subcommand

from mmdigit.commands.form import FormCommands
from mmdigit.commands.show import ShowSettings
from mmdigit.commands.token import TokenCommands
from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.settings.base import ProgramSettings, documented
from mmdigit.settings.model import Threads, Weights
from mmdigit.settings.program import run_program
from schemas.errors import SettingsError

TrainingThreads = Annotated[int, Field(ge=1, le=256, description="threads of the training")]
Device = Annotated[str, Field(pattern=r"^[a-z]+(:[0-9]+)?$", description="PyTorch device: cpu, cuda, cuda:1, mps")]


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


class EvaluateSettings(ProgramSettings):
    """Measures a model on the test splits and harder ones; writes a report with plots. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit evaluate"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(examples=["runs/report"], description="folder for the report and its plots")]
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        _require_plots()
        from mmdigit.training.evaluate import command

        command.run(self.data, self.output, self.weights, self.threads)
        return 0


class TrainSettings(ProgramSettings):
    """Trains the model, or resumes the training that the output folder holds. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit train"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(description="folder for checkpoints, history and TensorBoard logs")] = Path(
        "runs/seed-1"
    )
    config: Annotated[Path | None, Field(description="TOML file; by default the shipped weights' own")] = None
    quick: Annotated[bool, Field(description="train for two minutes, to try the command")] = False
    seed: Annotated[int | None, Field(ge=0, le=10_000, description="replaces the configuration's seed")] = None
    threads: TrainingThreads = 2
    device: Device = "cpu"

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        if self.quick and self.config is not None:
            raise ValueError("expected --quick or --config, got both")
        return self

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.fit import train
        from mmdigit.training.fit.plan import QUICK, SHIPPED, TrainingPlan
        from mmdigit.training.fit.stage import Hardware

        plan = TrainingPlan.read(QUICK if self.quick else self.config or SHIPPED)
        if self.seed is not None:
            plan = plan.model_copy(update={"seed": self.seed})
        train.run(self.data, self.output, plan, Hardware(self.threads, self.device))
        return 0


class StudySettings(ProgramSettings):
    """Trains and measures several models. Resumable. Needs the extra `train`."""

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(description="folder for all trainings, shared by all studies")] = Path("runs")
    result: Annotated[Path | None, Field(description="result file; by default OUTPUT/NAME.json")] = None
    config: Annotated[Path | None, Field(description="TOML file; by default the shipped weights' own")] = None
    threads: TrainingThreads = 2
    device: Device = "cpu"

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.evaluate import study
        from mmdigit.training.fit.plan import SHIPPED, TrainingPlan
        from mmdigit.training.fit.stage import Hardware

        name = self.prog.split()[-1]
        result = self.result or self.output / f"{name}.json"
        plan = TrainingPlan.read(self.config or SHIPPED)
        study.run(name, self.data, self.output, result, plan, Hardware(self.threads, self.device))
        return 0


class SeedsSettings(StudySettings):
    """Trains three models with different seeds and measures each. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study seeds"


class FoldsSettings(StudySettings):
    """Trains six models, each without one speaker, and measures it on them. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study folds"


class ExportSettings(ProgramSettings):
    """Writes a trained model as ONNX with its metadata and model card. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit export"

    data: Annotated[Path, Field(examples=["data"], description="folder of data sets, for calibration and figures")]
    training: Annotated[Path, Field(description="folder of the training")] = Path("runs/seed-1")
    folds: Annotated[
        Path | None,
        Field(description="folder of the leave-one-speaker-out trainings, to calibrate on unseen speakers"),
    ] = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.release import export

        export.run(self.data, self.training, self.folds, self.output, self.threads)
        return 0


class CalibrateSettings(ProgramSettings):
    """Recomputes an exported model's thresholds, figures and model card. Needs the extra `train`, but not torch."""

    prog: ClassVar[str] = "mmdigit calibrate"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    weights: Weights = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1

    def run(self) -> int:
        _require_plots()
        from mmdigit.training.release import recalibrate

        recalibrate.run(self.data, self.weights, self.output, self.threads)
        return 0


class DownloadSettings(ProgramSettings):
    """Downloads MNIST and the Free Spoken Digit Dataset and checks them. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit data download"

    data: Annotated[Path, Field(examples=["data"], description="folder to put the data sets into")]

    def run(self) -> int:
        _require_pooch()
        from mmdigit.training.data import download

        download.run(self.data)
        return 0


def _require_training() -> None:
    if find_spec("mmdigit.training") is None:
        raise SettingsError(
            "expected the package mmdigit.training, got none, because the worker image leaves it out; use a checkout"
        )


def _require_pooch() -> None:
    _require_training()
    if find_spec("pooch") is None:
        raise SettingsError(
            "expected pooch, got none installed; run `pip install pooch` or `pip install 'mmdigit[train]'`"
        )


def _require_plots() -> None:
    _require_training()
    if any(find_spec(name) is None for name in ("onnx", "matplotlib")):
        raise SettingsError(
            "expected onnx and matplotlib, got one or none installed; run `pip install 'mmdigit[train]'` first"
        )


def _require_torch() -> None:
    _require_training()
    if any(find_spec(name) is None for name in ("torch", "torchvision", "torchaudio", "onnx", "tensorboard")):
        raise SettingsError("expected torch, got none installed; run `pip install 'mmdigit[train]'` first")


class StudyCommands(ProgramSettings):
    """Trains and measures several models."""

    prog: ClassVar[str] = "mmdigit study"

    seeds: Annotated[CliSubCommand[SeedsSettings], documented(SeedsSettings)]
    folds: Annotated[CliSubCommand[FoldsSettings], documented(FoldsSettings)]


class DataCommands(ProgramSettings):
    """Downloads the data sets."""

    prog: ClassVar[str] = "mmdigit data"

    download: Annotated[CliSubCommand[DownloadSettings], documented(DownloadSettings)]


class MmdigitCommands(ProgramSettings):
    """Reads digits which were both written and spoken."""

    model_config = SettingsConfigDict(cli_shortcuts={"count": "n", "output": "o"})

    predict: Annotated[CliSubCommand[PredictSettings], documented(PredictSettings)]
    show: Annotated[CliSubCommand[ShowSettings], documented(ShowSettings)]
    form: Annotated[CliSubCommand[FormCommands], documented(FormCommands)]
    token: Annotated[CliSubCommand[TokenCommands], documented(TokenCommands)]
    evaluate: Annotated[CliSubCommand[EvaluateSettings], documented(EvaluateSettings)]
    train: Annotated[CliSubCommand[TrainSettings], documented(TrainSettings)]
    study: Annotated[CliSubCommand[StudyCommands], documented(StudyCommands)]
    export: Annotated[CliSubCommand[ExportSettings], documented(ExportSettings)]
    calibrate: Annotated[CliSubCommand[CalibrateSettings], documented(CalibrateSettings)]
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
