"""`mmdigit`: predict without any queue, show what a store holds, evaluate, train, export, calibrate, fetch the data.

Only train, study and export need torch.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from mmdigit.decision import DEFAULT_TARGET_ERROR, TargetError
from mmdigit.show import ShowSettings, show
from schemas.errors import SettingsError
from schemas.redaction import redact
from schemas.settings import ProgramSettings, run_program

Threads = Annotated[int, Field(ge=1, le=256, description="threads of the model")]
TrainingThreads = Annotated[int, Field(ge=1, le=256, description="threads of the training")]
Device = Annotated[str, Field(pattern=r"^[a-z]+(:[0-9]+)?$", description="torch's name of it: cpu, cuda, cuda:1, mps")]
Weights = Annotated[Path | None, Field(description="model file; by default the shipped one")]


class PredictSettings(ProgramSettings):
    """Reads one digit and prints its answer as JSON, or a manifest or folder of many and writes a CSV table."""

    prog: ClassVar[str] = "mmdigit predict"

    image: Annotated[Path | None, Field(description="PNG, JPEG, TIFF or WebP of one digit, or 784 raw bytes")] = None
    audio: Annotated[Path | None, Field(description="WAV, FLAC or Ogg Opus of one spoken digit")] = None
    manifest: Annotated[
        Path | None,
        Field(
            description="CSV with columns id,image,audio,label, paths relative to it, may be empty; or a folder of "
            "image and audio files paired by stem"
        ),
    ] = None
    recursive: Annotated[bool, Field(description="read the folders inside a folder, too")] = False
    output: Annotated[Path | None, Field(description="CSV file for the answers to the manifest")] = None
    target_error: TargetError = DEFAULT_TARGET_ERROR
    weights: Weights = None
    threads: Threads = 1

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.manifest is None) == (self.image is None and self.audio is None):
            raise ValueError("give --image, --audio or both, or else --manifest")
        if (self.manifest is None) != (self.output is None):
            raise ValueError("--manifest and --output belong together")
        return self


class EvaluateSettings(ProgramSettings):
    """Measures a model on the test splits and harder ones: table, report, plots. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit evaluate"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(examples=["runs/report"], description="folder for the report and its plots")]
    weights: Weights = None
    threads: Threads = 1


class TrainSettings(ProgramSettings):
    """Trains the model, or resumes the training that the output folder holds. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit train"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(description="folder for checkpoints, history and TensorBoard logs")] = Path(
        "runs/seed-1"
    )
    config: Annotated[Path | None, Field(description="TOML file; by default the shipped weights' own")] = None
    quick: Annotated[bool, Field(description="a training of two minutes, to try the machinery")] = False
    seed: Annotated[int | None, Field(ge=0, le=10_000, description="instead of the configuration's")] = None
    threads: TrainingThreads = 2
    device: Device = "cpu"

    @model_validator(mode="after")
    def _one_plan(self) -> Self:
        if self.quick and self.config is not None:
            raise ValueError("give --quick or --config, not both")
        return self


class StudySettings(ProgramSettings):
    """Trains several models to answer a question, resumable. Needs the extra `train`."""

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    output: Annotated[Path, Field(description="folder for all trainings, shared by all studies")] = Path("runs")
    result: Annotated[Path | None, Field(description="result file; by default OUTPUT/NAME.json")] = None
    config: Annotated[Path | None, Field(description="TOML file; by default the shipped weights' own")] = None
    threads: TrainingThreads = 2
    device: Device = "cpu"


class SeedsSettings(StudySettings):
    """Trains three seeds and measures each. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study seeds"


class FoldsSettings(StudySettings):
    """Trains six times without one speaker and measures that stranger. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study folds"


class AblationSettings(StudySettings):
    """Trains with one section of augmentation or voices more each time. Resumable. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit study ablation"


class ExportSettings(ProgramSettings):
    """Writes a trained model as ONNX with its metadata and model card. Needs the extra `train`."""

    prog: ClassVar[str] = "mmdigit export"

    data: Annotated[
        Path, Field(examples=["data"], description="folder of data sets, for the calibration and the figures")
    ]
    training: Annotated[Path, Field(description="folder of the training")] = Path("runs/seed-1")
    folds: Annotated[
        Path | None,
        Field(description="folder of the leave-one-speaker-out trainings, to calibrate on speakers never heard"),
    ] = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1


class CalibrateSettings(ProgramSettings):
    """Writes an exported model's thresholds, figures and model card anew, from its file and the data alone."""

    prog: ClassVar[str] = "mmdigit calibrate"

    data: Annotated[Path, Field(examples=["data"], description="folder of the data sets (docs/use/data.md)")]
    weights: Weights = None
    output: Annotated[
        Path, Field(examples=["runs/model"], description="folder for mmdigit.onnx, mmdigit.json and MODEL_CARD.md")
    ]
    threads: Threads = 1


class DownloadSettings(ProgramSettings):
    """Fetches MNIST and the Free Spoken Digit Dataset, checked and resumable."""

    prog: ClassVar[str] = "mmdigit data download"

    data: Annotated[Path, Field(examples=["data"], description="folder to put the data sets into")]


COMMANDS: dict[str, type[ProgramSettings]] = {
    "predict": PredictSettings,
    "show": ShowSettings,
    "evaluate": EvaluateSettings,
    "train": TrainSettings,
    "study seeds": SeedsSettings,
    "study folds": FoldsSettings,
    "study ablation": AblationSettings,
    "export": ExportSettings,
    "calibrate": CalibrateSettings,
    "data download": DownloadSettings,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 done, 1 some input failed, 2 wrong settings or files, 130 interrupted."""
    return run_program("mmdigit", _main, argv)


def _main(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0 if argv else 2
    for name, run in _RUN.items():
        words = name.split()
        if list(argv[: len(words)]) == words:
            return run(argv[len(words) :])
    raise SettingsError(f"expected a command ({', '.join(COMMANDS)}), got {redact(argv[0])!r}; see mmdigit --help")


def usage() -> str:
    """One line a command."""
    lines = [f"  {name:<14} {(settings.__doc__ or '').strip()}\n" for name, settings in COMMANDS.items()]
    return (
        "usage: mmdigit COMMAND ...\n\n"
        + "".join(lines)
        + "\nmmdigit COMMAND --help lists its settings, mmdigit --version the version.\n"
    )


def _predict(argv: Sequence[str]) -> int:
    settings = PredictSettings.load(argv)
    from mmdigit.predict import assurance, predict_manifest, predict_one, summary
    from mmdigit.predictor import Predictor

    predictor = Predictor.load(settings.weights, threads=settings.threads, target_error=settings.target_error)
    if settings.manifest is None or settings.output is None:
        sys.stdout.write(f"{predict_one(predictor, settings.image, settings.audio).model_dump_json()}\n")
        return 0
    tally = predict_manifest(predictor, settings.manifest, settings.output, sys.stderr, recursive=settings.recursive)
    sys.stdout.write(summary(tally, settings.output) + assurance(predictor))
    return 1 if tally.failed else 0


def _evaluate(argv: Sequence[str]) -> int:
    settings = EvaluateSettings.load(argv)
    _need_plots()
    from mmdigit.training import evaluate

    evaluate.run(settings.data, settings.output, settings.weights, settings.threads)
    return 0


def _train(argv: Sequence[str]) -> int:
    settings = TrainSettings.load(argv)
    _need_torch()
    from mmdigit.training import train
    from mmdigit.training.fit import Machine
    from mmdigit.training.plan import QUICK, SHIPPED, TrainingPlan

    plan = TrainingPlan.read(QUICK if settings.quick else settings.config or SHIPPED)
    if settings.seed is not None:
        plan = plan.model_copy(update={"seed": settings.seed})
    train.run(settings.data, settings.output, plan, Machine(settings.threads, settings.device))
    return 0


def _study(name: str, program: type[StudySettings], argv: Sequence[str]) -> int:
    settings = program.load(argv)
    _need_torch()
    from mmdigit.training import study
    from mmdigit.training.fit import Machine
    from mmdigit.training.plan import SHIPPED, TrainingPlan

    result = settings.result or settings.output / f"{name}.json"
    plan = TrainingPlan.read(settings.config or SHIPPED)
    machine = Machine(settings.threads, settings.device)
    study.run(name, settings.data, settings.output, result, plan, machine)
    return 0


def _export(argv: Sequence[str]) -> int:
    settings = ExportSettings.load(argv)
    _need_torch()
    from mmdigit.training import export

    export.run(settings.data, settings.training, settings.folds, settings.output, settings.threads)
    return 0


def _calibrate(argv: Sequence[str]) -> int:
    settings = CalibrateSettings.load(argv)
    _need_plots()
    from mmdigit.training import recalibrate

    recalibrate.run(settings.data, settings.weights, settings.output, settings.threads)
    return 0


def _download(argv: Sequence[str]) -> int:
    settings = DownloadSettings.load(argv)
    _need_training()
    from mmdigit.training import download

    download.run(settings.data)
    return 0


def _need_training() -> None:
    if find_spec("mmdigit.training") is None:
        raise SettingsError("expected the package mmdigit.training, the worker image leaves it out; use a checkout")


def _need_plots() -> None:
    _need_training()
    if any(find_spec(name) is None for name in ("onnx", "matplotlib")):
        raise SettingsError(
            "expected onnx and matplotlib, got one or none installed; run `pip install 'mmdigit[train]'` first"
        )


def _need_torch() -> None:
    _need_training()
    if any(find_spec(name) is None for name in ("torch", "torchvision", "torchaudio", "onnx", "tensorboard")):
        raise SettingsError("expected torch, got none installed; run `pip install 'mmdigit[train]'` first")


_RUN: dict[str, Callable[[Sequence[str]], int]] = {
    "predict": _predict,
    "show": show,
    "evaluate": _evaluate,
    "train": _train,
    "study seeds": partial(_study, "seeds", SeedsSettings),
    "study folds": partial(_study, "folds", FoldsSettings),
    "study ablation": partial(_study, "ablation", AblationSettings),
    "export": _export,
    "calibrate": _calibrate,
    "data download": _download,
}

if __name__ == "__main__":
    sys.exit(main())
