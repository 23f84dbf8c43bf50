"""What is said in the spoken fields of a page: a clip for each written box, or why there is none."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.spoken.heard import BoxKey, HeardBox, HeardField, HeardFields
from mmdigit.forms.spoken.recordings import PageRecordings
from mmdigit.numbers.heard_number import CutNumber, HeardDigit
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, read_recording
from mmdigit.reading.audio.wav_writing import wav_of
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import DataError, InvalidAudio
from schemas.page import WHOLE_PAGE

log = logging.getLogger(__name__)

MAX_SOUND_S = 120.0
"""Of all recordings of a page together; those beyond it are not listened to."""
UNKNOWN = (0.1,) * 10  # of a box whose digit cannot be read

Written = Mapping[BoxKey, Sequence[float]]
"""Ten probabilities of each box that holds a digit."""


class FieldHearer:
    """Cuts the recordings of spoken fields into the digits of their boxes."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self._reader = predictor, SpokenReader(predictor)

    def hear(self, recordings: PageRecordings, fields: Sequence[Sequence[Cell]]) -> HeardFields:
        """The spoken fields of a page. fields: the cells of each field, in the template's order. A box counts as a
        digit unless it is blank.

        A recording that does not help costs nothing but itself: its fields say why.
        """
        spoken = [cells for cells in fields if cells[0].slot.field.spoken != "no"]
        found: list[tuple[str, bytes, list[Sequence[Cell]]]] = []
        together: list[Sequence[Cell]] = []
        for cells in spoken:
            recording = _recording(recordings, cells[0].slot.name)
            if recording is not None:
                found.append((cells[0].slot.name, recording, [cells]))
            elif any(cell.state != "blank" for cell in cells):
                together.append(cells)
        if together and (recording := _recording(recordings, WHOLE_PAGE)) is not None:
            found.append((WHOLE_PAGE, recording, together))
        heard = HeardFields()
        if found:
            written = self._written(spoken)
            for sound, recording, those in found:
                heard.fields.update(self._hear(sound, recording, those, written, heard))
        return heard

    def _hear(
        self, sound: str, recording: bytes, fields: Sequence[Sequence[Cell]], written: Written, heard: HeardFields
    ) -> dict[str, HeardField]:
        """One recording of these fields, one after the other; adds its sound and clips to what is heard."""
        filled = {cells[0].slot.name: [cell for cell in cells if cell.state != "blank"] for cells in fields}
        unheard = HeardField(reason="not_heard")
        try:
            _require_short(0, heard)  # nothing is decoded that cannot be listened to
            waveform = read_recording(recording)
            _require_short(waveform.size, heard)
            heard.sounds[sound] = wav_of(waveform)
            unheard = replace(unheard, sound=sound)
            cut = self._cut(waveform, [cell for digits in filled.values() for cell in digits], written)
        except (InvalidAudio, ValueError):
            return dict.fromkeys(filled, unheard)
        except MemoryError:
            raise
        except Exception as exc:
            log.error("a recording failed unexpectedly; please report it", exc_info=exc)
            return dict.fromkeys(filled, unheard)
        if not cut.fits:
            boxes = tuple(HeardBox(digit.label, digit.start_s, digit.end_s) for digit in cut.digits)
            return dict.fromkeys(filled, HeardField(sound, boxes, "spoken_differs"))
        pieces, found = iter(cut.digits), {}
        for name, cells in filled.items():
            pairs = list(zip(cells, pieces, strict=False))
            found[name] = HeardField(sound, tuple(_box(cell, digit, written) for cell, digit in pairs))
            clips = {(name, cell.index): _clip(waveform, digit) for cell, digit in pairs if cell.is_digit}
            heard.clips.update({key: clip for key, clip in clips.items() if clip is not None})
        return found

    def _cut(self, waveform: Waveform, cells: Sequence[Cell], written: Written) -> CutNumber:
        """cells: of the boxes that are not blank; none: whatever is said is not written."""
        if not cells:
            return CutNumber((), fits=False)
        probabilities = [written.get((cell.slot.name, cell.index), UNKNOWN) for cell in cells]
        return self._reader.cut(waveform, np.array(probabilities, np.float64))

    def _written(self, spoken: Sequence[Sequence[Cell]]) -> Written:
        cells = [cell for each in spoken for cell in each if cell.is_digit]
        images = (ModelInput(np.asarray(cell.image / np.float32(255), np.float32)) for cell in cells)
        answers = self._predictor.predict_all(images)
        return {(cell.slot.name, cell.index): answer.probabilities for cell, answer in zip(cells, answers, strict=True)}


def _recording(recordings: PageRecordings, name: str) -> bytes | None:
    try:
        return recordings.get(name)
    except DataError:
        return b""  # no sound


def _require_short(samples: int, heard: HeardFields) -> None:
    """Raises InvalidAudio if the page's recordings are longer than MAX_SOUND_S with one of this length."""
    if sum(map(len, heard.sounds.values())) // 2 + samples > MAX_SOUND_S * SAMPLE_RATE_HZ:
        raise InvalidAudio(f"expected recordings of at most {MAX_SOUND_S:g} s on a page, got more; shorten them")


def _box(cell: Cell, digit: HeardDigit, written: Written) -> HeardBox:
    seen = written.get((cell.slot.name, cell.index))
    label = None if seen is None else int(np.argmax(seen))
    return HeardBox(digit.label, digit.start_s, digit.end_s, cell.index, label)


def _clip(waveform: Waveform, digit: HeardDigit) -> bytes | None:
    """The digit's piece of the sound at full scale, for the least rounding; None if it is silent."""
    piece: NDArray[np.float32] = waveform[
        round(digit.start_s * SAMPLE_RATE_HZ) : round(digit.end_s * SAMPLE_RATE_HZ)
    ]  # fmt: skip
    peak = float(np.abs(piece).max(initial=0))
    return wav_of(piece / peak) if peak > 0 else None
