"""python -m lab.benchmarks.strings.fields: fields of eight digits that are written in boxes and read aloud.

Digits of one MNIST test writer, and a number joined from recordings that no training has heard, go the way of
`mmdigit form read --recordings`: the recording is cut into as many digits as boxes are written in, each piece joins its
box, and the field is decided. Once more each without sound, and with a slip of the pen: one box holds another digit
than is said. Paper and camera have no part in it: lab.benchmarks.forms measures those.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray

from lab.benchmarks.strings.command import measured
from lab.benchmarks.strings.joining import Condition
from lab.benchmarks.strings.measuring import PAUSES_MS, SOUNDS
from lab.benchmarks.strings.people import load_speakers, numbers
from lab.kit.report import progress
from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.fields.weighing import FieldValue, read_field
from mmdigit.forms.spoken.heard import HeardFields
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.forms.template.layout import Slot, slots_of
from mmdigit.forms.template.parsing import parse_template
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, decode_audio
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.training.data.splits import Digits, load_digits
from schemas.prediction import Answer

MODULE = "lab.benchmarks.strings.fields"
LENGTH, SEED = 8, 9
NAME = "number"
FORM = b"""\
version: 1
form: SPKN
pages:
  - fields:
      - name: number
        spoken: required
        boxes: {at_mm: [25, 60], size_mm: [7, 9], pitch_mm: 8, count: 8}
"""
LABELS = {"-40": "run together: 40 ms overlap", "phone": "telephone band, mu-law"}
KINDS = ("writing and speech", "writing alone", "a slip of the pen")


def run(data: Path, count: int) -> dict[str, Any]:
    """count: fields of each pause and sound."""
    predictor, [slot] = Predictor.load(), slots_of(parse_template(FORM), 0)
    digits, speakers = load_digits(data, "test"), load_speakers(data, "figures")
    random = np.random.default_rng(SEED)
    conditions = [(pause, sound) for pause in PAUSES_MS for sound in SOUNDS]
    rows: list[dict[str, Any]] = []
    for place, (pause, sound) in enumerate(progress(conditions, f"{count * len(conditions)} fields")):
        noise_db, phone = SOUNDS[sound]
        said = numbers(speakers, Condition(pause, noise_db, phone), count, LENGTH, 100 * SEED + place)
        with TemporaryDirectory() as folder:
            whole = [number for _, number in said]
            for serial, number in enumerate(whole):
                soundfile.write(Path(folder) / f"{serial}.{NAME}.wav", number.waveform, SAMPLE_RATE_HZ)
            hearer, recordings = FieldHearer(predictor), Recordings(Path(folder))
            for serial, number in enumerate(whole):
                images = _written(digits, number.digits, random)
                slipped = images.copy()
                box = int(random.integers(LENGTH))
                slipped[box] = random.choice(digits.images[digits.labels != number.digits[box]])
                text = "".join(map(str, number.digits))
                for kind, shown in zip(KINDS, (images, images, slipped), strict=True):
                    cells = [Cell(slot, index, "digit", image, 3.0) for index, image in enumerate(shown)]
                    heard = HeardFields()
                    if kind != "writing alone":
                        heard = hearer.hear(recordings.of_page(serial, 1), [cells])
                    value = _decided(predictor, slot, cells, heard, alone=kind == "writing alone")
                    rows.append(
                        {
                            "kind": kind,
                            "pause": str(pause),
                            "sound": sound,
                            "accepted": value.decision == "accept",
                            "right": value.text == text,
                        }
                    )
    return {
        "all": {kind: _shares([row for row in rows if row["kind"] == kind]) for kind in KINDS},
        "pauses": _by(rows, "pause", [str(pause) for pause in PAUSES_MS]),
        "sounds": _by(rows, "sound", list(SOUNDS)),
    }


def _written(digits: Digits, labels: Sequence[int], random: np.random.Generator) -> NDArray[np.uint8]:
    """The digits by one writer, (n, 28, 28); by another one where the writer has not written one."""
    writer = random.choice(digits.writers)
    images = []
    for label in labels:
        of_label = np.flatnonzero(digits.labels == label)
        own = of_label[digits.writers[of_label] == writer]
        images.append(digits.images[random.choice(own if own.size else of_label)])
    return np.stack(images)


def _answers(predictor: Predictor, cells: Sequence[Cell], heard: HeardFields) -> list[Answer]:
    clips = [heard.clips.get((NAME, cell.index)) for cell in cells]
    waveforms = [None if clip is None else decode_audio(clip) for clip in clips]
    images = [np.asarray(cell.image / np.float32(255), np.float32) for cell in cells]
    return predictor.predict([ModelInput(*each) for each in zip(images, waveforms, strict=True)])


def _decided(
    predictor: Predictor, slot: Slot, cells: Sequence[Cell], heard: HeardFields, *, alone: bool
) -> FieldValue:  # fmt: skip
    answers = _answers(predictor, cells, heard)
    if alone:
        slot = replace(slot, field=slot.field.model_copy(update={"spoken": "no"}))
    return read_field(slot, True, cells, answers, unheard=heard.reasons.get(NAME))


def _by(rows: Sequence[dict[str, Any]], name: str, values: Sequence[str]) -> dict[str, Any]:
    return {
        value: {kind: _shares([row for row in rows if row["kind"] == kind and row[name] == value]) for kind in KINDS}
        for value in values
    }


def _shares(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many are accepted, how many of these have another text than is said, and the upper bound of that share."""
    accepted = [row for row in rows if row["accepted"]]
    wrong = sum(not row["right"] for row in accepted)
    bound = error_bound(wrong, len(accepted)) if accepted else 1.0
    return {"fields": len(rows), "accepted": len(accepted), "wrong": wrong, "wrong_at_most": bound}


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        "| | fields | writing alone: accepted, wrong | with speech: accepted, wrong | slips of the pen caught |",
        "|---|---|---|---|---|",
    ]
    groups = {"all": result["all"], **result["pauses"], **result["sounds"]}
    for name, kinds in groups.items():
        both, alone, slip = (kinds[kind] for kind in KINDS)
        label = f"pauses of {name} ms" if name.isdigit() else LABELS.get(name, name)
        lines.append(
            f"| {label} | {both['fields']} | {_percent(alone)}, {alone['wrong']} | {_percent(both)}, {both['wrong']} "
            f"| {100 * (1 - slip['wrong'] / slip['fields']):.1f} % |"
        )
    return "\n".join(lines)


def _percent(shares: dict[str, Any]) -> str:
    return f"{100 * shares['accepted'] / shares['fields']:.1f} %"


def main(argv: Sequence[str] | None = None) -> int:
    return run_program(MODULE, lambda given: measured(MODULE, "fields", __doc__, given, run, table), argv)


if __name__ == "__main__":
    raise SystemExit(main())
