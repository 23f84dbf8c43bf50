"""The commands that train, measure and release models. The image lacks mmdigit.training, so it is imported when needed.

Only train, study and export need torch.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliSubCommand

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.settings.base import ProgramSettings, documented
from mmdigit.settings.model import Threads, Weights
from schemas.errors import SettingsError

TrainingThreads = Annotated[int, Field(ge=1, le=256, description="threads of the training")]
Device = Annotated[str, Field(pattern=r"^[a-z]+(:[0-9]+)?$", description="PyTorch device: cpu, cuda, cuda:1, mps")]
PlanFile = Annotated[
    Path | None, Field(description="TOML file; by default that of the shipped weights, or of the study")
]
WriterFolds = Annotated[
    Path | None, Field(description="folder of `mmdigit study writers`, to calibrate on unseen writers")
]
SpeakerFolds = Annotated[
    Path | None, Field(description="folder of `mmdigit study folds`, to calibrate on unseen speakers")
]


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
    config: PlanFile = None
    quick: Annotated[bool, Field(description="train for two minutes, to try the command")] = False
    seed: Annotated[int | None, Field(ge=0, le=10_000, description="replaces the configuration's seed")] = None
    audio_only: Annotated[bool, Field(description="train the audio classifier only, for instance a teacher")] = False
    strings_only: Annotated[
        bool, Field(description="train the listener of spoken numbers only, from the audio classifier in the folder")
    ] = False
    teachers: Annotated[tuple[Path, ...], Field(description="folders of the audio classifier's teachers")] = ()
    threads: TrainingThreads = 2
    device: Device = "cpu"

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        if self.quick and self.config is not None:
            raise ValueError("expected --quick or --config, got both")
        if self.audio_only and self.strings_only:
            raise ValueError("expected --audio-only or --strings-only, got both")
        if self.teachers and self.strings_only:
            raise ValueError("expected --teachers or --strings-only, got both")
        return self

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.fit import spoken_numbers, train
        from mmdigit.training.fit.stage import Hardware
        from mmdigit.training.plan import QUICK, SHIPPED, TrainingPlan

        plan = TrainingPlan.read(QUICK if self.quick else self.config or SHIPPED)
        if self.seed is not None:
            plan = plan.model_copy(update={"seed": self.seed})
        hardware = Hardware(self.threads, self.device)
        if self.strings_only:
            spoken_numbers.run(self.data, self.output, plan, hardware)
        else:
            train.run(self.data, self.output, plan, hardware, self.teachers, audio=self.audio_only)
        return 0


class StudySettings(ProgramSettings):
    """Trains and measures several models. Resumable. Needs the extra `train`."""

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(description="folder for all trainings, shared by all studies")] = Path("runs")
    result: Annotated[Path | None, Field(description="result file; by default OUTPUT/NAME.json")] = None
    config: PlanFile = None
    threads: TrainingThreads = 2
    device: Device = "cpu"

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.fit.stage import Hardware
        from mmdigit.training.plan import CONFIGS, SHIPPED, TrainingPlan
        from mmdigit.training.study import command

        name = self.prog.split()[-1]
        result = self.result or self.output / f"{name}.json"
        own = CONFIGS / f"{name}.toml"
        plan = TrainingPlan.read(self.config or (own if own.exists() else SHIPPED))
        command.run(name, self.data, self.output, result, plan, Hardware(self.threads, self.device))
        return 0


class SeedsSettings(StudySettings):
    """Trains the image classifier with three seeds and measures each. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study seeds"


class FoldsSettings(StudySettings):
    """Trains six models, each without one speaker, and measures it on them. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study folds"


class WritersSettings(StudySettings):
    """Reads every training digit by a model that did not see its writer. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study writers"


class FusionSettings(StudySettings):
    """Compares fused heads on the encoders of the first seed. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study fusion"


class ExportSettings(ProgramSettings):
    """Writes a trained model as ONNX with its metadata and model card. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit export"

    data: Annotated[Path, Field(examples=["data"], description="folder of data sets, for calibration and figures")]
    training: Annotated[Path, Field(description="folder of the training")] = Path("runs/seed-1")
    folds: SpeakerFolds = None
    writers: WriterFolds = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1

    def run(self) -> int:
        _require_torch()
        from mmdigit.training.release import export

        export.run(self.data, self.training, self.folds, self.output, self.threads, self.writers)
        return 0


class CalibrateSettings(ProgramSettings):
    """Recomputes an exported model's thresholds, figures and model card. Needs the extra `train`, but not torch."""

    prog: ClassVar[str] = "mmdigit calibrate"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    weights: Weights = None
    folds: SpeakerFolds = None
    writers: WriterFolds = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1

    def run(self) -> int:
        _require_plots()
        from mmdigit.training.release import recalibrate

        recalibrate.run(self.data, self.weights, self.output, self.threads, self.writers, self.folds)
        return 0


class FinetuneSettings(ProgramSettings):
    """Adapts a model to a customer's corrected digits, or refuses. Needs the extra `train`, but not torch."""

    prog: ClassVar[str] = "mmdigit finetune"

    corrections: Annotated[
        Path, Field(examples=["corrections.csv"], description="manifest with the columns label and writer")
    ]
    weights: Weights = None
    output: Annotated[
        Path, Field(examples=["runs/mine"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    target_error: TargetError = DEFAULT_TARGET_ERROR

    def run(self) -> int:
        _require_plots()
        from mmdigit.training.release import finetune

        return finetune.run(self.corrections, self.weights, self.output, self.target_error)


class DownloadSettings(ProgramSettings):
    """Downloads public data sets and checks them; goes on where it was interrupted. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit data download"

    data: Annotated[Path, Field(examples=["data"], description="folder to put the data sets into")]
    sets: Annotated[
        str,
        Field(
            description="which, separated by commas: mnist, fsdd, mnist-writers, omniglot, speech-commands, "
            "audiomnist, emnist; or all"
        ),
    ] = "mnist,fsdd,mnist-writers,omniglot"

    def run(self) -> int:
        _require_pooch()
        from mmdigit.training.data import download

        download.run(self.data, self.sets)
        return 0


def _require_training() -> None:
    if find_spec("mmdigit.training") is None:
        raise SettingsError(
            "expected the package mmdigit.training, got none, because the worker image leaves it out; use a checkout"
        )


def _require_pooch() -> None:
    _require_installed("pooch")


def _require_plots() -> None:
    _require_installed("onnx", "matplotlib")


def _require_torch() -> None:
    _require_installed("torch", "torchvision", "torchaudio", "onnx", "tensorboard", "matplotlib")


def _require_installed(*packages: str) -> None:
    _require_training()
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"expected {', '.join(packages)}, got no {', '.join(missing)}; run `pip install 'mmdigit[train]'` first"
        )


class StudyCommands(ProgramSettings):
    """Trains and measures several models."""

    prog: ClassVar[str] = "mmdigit study"

    seeds: Annotated[CliSubCommand[SeedsSettings], documented(SeedsSettings)]
    folds: Annotated[CliSubCommand[FoldsSettings], documented(FoldsSettings)]
    fusion: Annotated[CliSubCommand[FusionSettings], documented(FusionSettings)]
    writers: Annotated[CliSubCommand[WritersSettings], documented(WritersSettings)]


class DataCommands(ProgramSettings):
    """Downloads the data sets."""

    prog: ClassVar[str] = "mmdigit data"

    download: Annotated[CliSubCommand[DownloadSettings], documented(DownloadSettings)]
