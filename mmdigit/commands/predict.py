"""`mmdigit predict`: one sample as a JSON line, or a manifest of many as a CSV table."""

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
from mmdigit.reading.digit_reader import file_content
from mmdigit.reading.predictor import Predictor, Sample, read_sample
from schemas.errors import DataError, InvalidJob
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.prediction import Answer
from schemas.printable import printable

BATCH = 32  # samples in memory at once
UNREADABLE = "unreadable"  # the reason in the table of a row that was no sample at all


@dataclass(frozen=True)
class Tally:
    """What became of a manifest's rows or a folder's samples."""

    rows: int
    failed: int
    labelled: int
    right: int
    review: int
    left_out: int = 0
    """Files and folders of a folder that are no samples."""


def predict_one(predictor: Predictor, image: Path | None, audio: Path | None) -> Answer:
    """The answer to one sample's files.

    Raises DataError for a missing file, InvalidJob for one that cannot be read as one digit.
    """
    return predictor.predict([_sample(image, audio)])[0]


def predict_manifest(
    predictor: Predictor, manifest: Path, output: Path, errors: TextIO, *, recursive: bool = False
) -> Tally:
    """Write PREDICTION_COLUMNS for each row of the manifest, in its order; the table appears only when it is whole.

    manifest: or a folder, see open_samples.

    A row that fails keeps its place: its label and figures are empty, its decision is review, its reason says which
    part failed (invalid_image, invalid_audio or unreadable), and a line on errors says why.
    Raises DataError if the manifest or the output's folder cannot be used.
    """
    require_replaceable(output)
    samples = open_samples(manifest, recursive=recursive)
    for line in samples.warnings:
        errors.write(f"mmdigit: warning: {line}\n")
    failed = labelled = right = review = 0
    with ExitStack() as cleanup:
        table = csv.DictWriter(cleanup.enter_context(atomic_write(output)), PREDICTION_COLUMNS)
        table.writeheader()
        progress = cleanup.enter_context(_progress(errors))
        task = progress.add_task("predict", total=len(samples))
        rows = iter(samples)
        while part := list(islice(rows, BATCH)):
            for row, answer, fault in _answers(predictor, part):
                if answer is None:
                    failed += 1
                    cells = dict.fromkeys(PREDICTION_COLUMNS, "") | {"decision": "review", "reasons": fault.reason}
                    place = printable(row.id) or "no id"
                    if row.line is not None and row.fault is None:  # a fault names its line
                        place = f"line {row.line} ({place})"
                    progress.console.print(f"mmdigit: {place}: {fault.message}", soft_wrap=True)
                else:
                    cells = answer_row(answer)
                    review += answer.decision == "review"
                    labelled += row.label is not None
                    right += row.label == answer.label
                table.writerow({**cells, "id": safe_cell(row.id), "model_version": safe_cell(predictor.model_version)})
            progress.advance(task, len(part))
    return Tally(len(samples), failed, labelled, right, review, samples.left_out)


def summary(tally: Tally, output: Path) -> str:
    """What a user wants to know when it is done, one line or two."""
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
        share = 100 * tally.right / tally.labelled
        lines += f"accuracy {share:.2f} % ({tally.right} of {_rows(tally.labelled, 'labelled ')} that could be read)\n"
    return lines


def _rows(count: int, kind: str = "") -> str:
    return f"{count} {kind}row{'' if count == 1 else 's'}"


def assurance(predictor: Predictor) -> str:
    """What held-out data show of the target error, for each head: one line a head."""
    lines = f"target error {predictor.target_error:g} of the accepted:\n"
    for head, point in predictor.operating_points.items():
        if point.bound is None:
            known = "not shown, this model file holds fixed thresholds and no held-out errors"
        else:
            word = "shown" if point.shown else "not shown"
            known = f"{word}, held-out data say at most {point.bound:.2g} (95 %)"
        lines += f"  {head:<5} accepted from confidence {point.described()}: {known}\n"
    return lines


@dataclass(frozen=True)
class _Fault:
    reason: str = ""
    message: str = ""


def _answers(predictor: Predictor, rows: Sequence[NamedSample]) -> Iterator[tuple[NamedSample, Answer | None, _Fault]]:
    samples: list[Sample] = []
    faults: list[_Fault | None] = []
    for row in rows:
        try:
            if row.fault is not None:
                raise DataError(row.fault)
            samples.append(_sample(row.image, row.audio))
            faults.append(None)
        except InvalidJob as exc:
            faults.append(_Fault(exc.reason, str(exc)))
        except DataError as exc:
            faults.append(_Fault(UNREADABLE, str(exc)))
    found = iter(predictor.predict(samples))
    for row, fault in zip(rows, faults, strict=True):
        yield (row, next(found), _Fault()) if fault is None else (row, None, fault)


def _sample(image: Path | None, audio: Path | None) -> Sample:
    return read_sample(
        None if image is None else file_content(image, MAX_IMAGE_BYTES),
        None if audio is None else file_content(audio, MAX_AUDIO_BYTES),
    )


def _progress(errors: TextIO) -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=errors, markup=False, highlight=False),
        disable=not errors.isatty(),
    )
