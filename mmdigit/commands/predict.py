"""`mmdigit predict`: predicts one sample, or a manifest of many into a CSV table."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmdigit.datasets.opening import open_samples
from mmdigit.datasets.sample import NamedSample, left_out_line
from mmdigit.files.atomic import atomic_write, require_replaceable
from mmdigit.files.predictions_csv import PREDICTION_COLUMNS, answer_row, safe_cell
from mmdigit.reading.digit_reader import decode_files
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import DataError, InvalidJob
from schemas.prediction import Answer
from schemas.printable import printable

BATCH = 32  # samples in memory at once
UNREADABLE = "unreadable"  # the reason in the table for a row that does not describe a sample


@dataclass(frozen=True)
class Tally:
    """The results of a manifest's rows or a folder's samples, counted."""

    rows: int
    failed: int
    labelled: int
    correct: int
    review: int
    left_out: int = 0
    """Entries of a folder that are not samples."""


def predict_one(predictor: Predictor, image: Path | None, audio: Path | None) -> Answer:
    """The answer to one sample. Raises DataError for a missing file, InvalidJob for one that cannot be decoded."""
    return predictor.predict([decode_files(image, audio)])[0]


def predict_manifest(
    predictor: Predictor, manifest: Path, output: Path, errors: TextIO, *, recursive: bool = False
) -> Tally:
    """Write one row of PREDICTION_COLUMNS for each sample, in order; the output appears only once it is complete.

    manifest: a manifest or a folder, as for open_samples.

    A row that fails keeps its position. Its label and numbers are empty, its decision is review, its reason is
    invalid_image, invalid_audio or unreadable, and a line on errors says why.
    Raises DataError if the manifest or the output's folder cannot be used.
    """
    require_replaceable(output)
    samples = open_samples(manifest, recursive=recursive)
    for line in samples.warnings:
        errors.write(f"mmdigit: warning: {line}\n")
    failed = labelled = correct = review = 0
    with ExitStack() as cleanup:
        table = csv.DictWriter(cleanup.enter_context(atomic_write(output)), PREDICTION_COLUMNS)
        table.writeheader()
        progress = cleanup.enter_context(_progress(errors))
        task = progress.add_task("predict", total=len(samples))
        rows = iter(samples)
        while batch := list(islice(rows, BATCH)):
            for row, answer, fault in _answers(predictor, batch):
                if answer is None:
                    failed += 1
                    cells = dict.fromkeys(PREDICTION_COLUMNS, "") | {"decision": "review", "reasons": fault.reason}
                    name = printable(row.id) or "no id"
                    if row.line is not None and row.fault is None:  # a fault states its line
                        name = f"line {row.line} ({name})"
                    progress.console.print(f"mmdigit: {name}: {fault.message}", soft_wrap=True)
                else:
                    cells = answer_row(answer)
                    review += answer.decision == "review"
                    labelled += row.label is not None
                    correct += row.label == answer.label
                table.writerow({**cells, "id": safe_cell(row.id), "model_version": safe_cell(predictor.model_version)})
            progress.advance(task, len(batch))
    return Tally(len(samples), failed, labelled, correct, review, samples.left_out)


def summary(tally: Tally, output: Path) -> str:
    """What the user sees at the end, in one to four lines."""
    shown = printable(str(output), 200)
    lines = (
        f"{tally.rows - tally.failed} of {_rows(tally.rows)} predicted, {tally.review} of them for review: {shown}\n"
    )
    if tally.left_out:
        lines += left_out_line(tally.left_out)
    if tally.failed:
        label, reason = ("its label", "reason is") if tally.failed == 1 else ("each label", "reasons are")
        lines += f"{_rows(tally.failed)} failed: {label} in the table is empty; the {reason} on standard error\n"
    if tally.labelled:
        share = 100 * tally.correct / tally.labelled
        lines += (
            f"accuracy {share:.2f} % ({tally.correct} of {_rows(tally.labelled, 'labelled ')} that could be read)\n"
        )
    return lines


def _rows(count: int, kind: str = "") -> str:
    return f"{count} {kind}row{'' if count == 1 else 's'}"


def target_error_report(predictor: Predictor) -> str:
    """Whether held-out data show that each head meets the target error: one line for each."""
    lines = f"target error {predictor.target_error:g} of the accepted:\n"
    for head, point in predictor.points.items():
        if point.bound is None:
            evidence = "not shown, this model file holds fixed thresholds and no held-out errors"
        else:
            word = "shown" if point.meets_target else "not shown"
            evidence = f"{word}, held-out data say at most {point.bound:.2g} (95 %)"
        lines += f"  {head:<5} accepted from confidence {point.describe()}: {evidence}\n"
    return lines


@dataclass(frozen=True)
class _Fault:
    reason: str = ""
    message: str = ""


def _answers(predictor: Predictor, rows: Sequence[NamedSample]) -> Iterator[tuple[NamedSample, Answer | None, _Fault]]:
    inputs: list[ModelInput] = []
    faults: list[_Fault | None] = []
    for row in rows:
        try:
            if row.fault is not None:
                raise DataError(row.fault)
            inputs.append(decode_files(row.image, row.audio))
            faults.append(None)
        except InvalidJob as exc:
            faults.append(_Fault(exc.reason, str(exc)))
        except DataError as exc:
            faults.append(_Fault(UNREADABLE, str(exc)))
    answers = iter(predictor.predict(inputs))
    for row, fault in zip(rows, faults, strict=True):
        yield (row, next(answers), _Fault()) if fault is None else (row, None, fault)


def _progress(errors: TextIO) -> Progress:
    """A progress bar on a terminal; nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=errors, markup=False, highlight=False),
        disable=not errors.isatty(),
    )
