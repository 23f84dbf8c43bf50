"""Reads a line of handwritten digits without boxes: its ink is cut into pieces, and the likeliest digits are found."""

from pathlib import Path

import numpy as np

from mmdigit.numbers.decoding import decode
from mmdigit.numbers.evidence import (
    MOST_DIGITS,
    Evidence,
    Weighed,
    count_chances,
    cut_ink_of,
    digits_of,
    evidence_of,
    left_out_of,
    novelty_of,
    other_number,
)
from mmdigit.numbers.judging import NO_BAR, Chosen, reasons_of
from mmdigit.numbers.line_ink import LINE_HEIGHT, find_line
from mmdigit.numbers.pieces import cut_pieces
from mmdigit.numbers.span_model import FittedLines, load_fitted
from mmdigit.numbers.spans import find_spans, lay_out_spans
from mmdigit.numbers.written_number import WrittenNumber
from mmdigit.reading.decision import softmax
from mmdigit.reading.digit_reader import file_content
from mmdigit.reading.image.decode import Photo, read_photo
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor

LEAST_CHANCE = 1e-9
PHOTO_SIDE = 1_600  # pixels, the longest side at which a photo is searched for its line
MAX_PHOTO_BYTES = 16 * 1024 * 1024
BATCH = 256  # spans in one run of the model
OUTPUTS = ("image_logits", "image_novelty_logit")


def read_line_photo(path: Path) -> Photo:
    """The photo in a file. Raises DataError if it cannot be read, InvalidImage if it is no photo."""
    return decode_line_photo(file_content(path, MAX_PHOTO_BYTES))


def decode_line_photo(content: bytes) -> Photo:
    """The photo in a file's bytes. Raises InvalidImage, and nothing else."""
    return read_photo(content, PHOTO_SIDE, MAX_PHOTO_BYTES)


class LineReader:
    """Reads lines with one model."""

    def __init__(self, predictor: Predictor, fitted: FittedLines | None = None) -> None:
        """fitted: None = to the shipped model. A number is accepted only if it is fitted to this one.

        Raises WeightsError if its file is damaged.
        """
        self._predictor = predictor
        self._fitted = load_fitted() if fitted is None else fitted
        known = self._fitted.model_version == predictor.model_version
        self._bar = self._fitted.accept if known else NO_BAR

    @property
    def least_confidence(self) -> float | None:
        """From which a number is accepted; None = never, since nothing is known of this model."""
        return self._bar if self._bar < NO_BAR else None

    def read(self, photo: Photo, count: int | None = None) -> WrittenNumber:
        """The number in a photo. count: how many digits it has, 1 to MOST_DIGITS; None = unknown.

        Raises ValueError for another count.
        """
        if count is not None and not 1 <= count <= MOST_DIGITS:
            raise ValueError(f"expected a count from 1 to {MOST_DIGITS}, got {count}")
        weighed = weigh(self._predictor, photo.grey)
        evidence = None if weighed is None else evidence_of(weighed, self._fitted)
        return self.choose(evidence, count, photo.size[0] / photo.grey.shape[1])

    def choose(self, evidence: Evidence | None, count: int | None = None, scale: float = 1.0) -> WrittenNumber:
        """The digits of a line; none if there is no evidence of it.

        count: as for read. scale: pixels of the photo to one of the picture that was weighed.
        """
        if evidence is None:
            return self._nothing()
        counts = count_chances(evidence.lattice)
        likeliest = int(counts.argmax())
        decoded = decode(evidence.lattice, count) if count is not None else None
        differs = count is not None and decoded is None
        if decoded is None and likeliest:
            decoded = decode(evidence.lattice, likeliest)
        if decoded is None:
            return self._nothing()
        chances = softmax(decoded.scores)
        images = evidence.weighed.images[decoded.spans]
        best = chances.max(axis=1)
        count_chance = float(counts[decoded.spans.size])
        confidence = float(np.prod(best)) * (1.0 if count is not None else count_chance)
        chosen = Chosen(
            confidence=confidence,
            count_chance=count_chance,
            given=count is not None,
            differs=differs,
            cut_ink=cut_ink_of(evidence, decoded),
            left_out=left_out_of(evidence, decoded),
            novel=bool((novelty_of(evidence, decoded) > self._predictor.thresholds.image_novelty).any()),
            several_lines=evidence.weighed.line.several_lines,
            struck_out=any(self._predictor.image_reasons([ModelInput(image) for image in images])),
        )
        reasons = reasons_of(chosen, self._bar)
        return WrittenNumber(
            digits_of(evidence, decoded, chances, scale),
            confidence,
            other_number(evidence.lattice, decoded, chances, counts if count is None else None),
            "review" if reasons else "accept",
            reasons,
            self._predictor.model_version,
        )

    def _nothing(self) -> WrittenNumber:
        return WrittenNumber((), 0.0, "", "review", ("no_digits",), self._predictor.model_version)


def weigh(predictor: Predictor, grey: Grey) -> Weighed | None:
    """The spans of a photo's line and what the model makes of each; None if there is no line.

    grey: (height, width), range [0, 1].
    """
    line = find_line(grey)
    if line is None:
        return None
    pieces = cut_pieces(line.ink, line.inked, LINE_HEIGHT)
    spans = find_spans(pieces, LINE_HEIGHT)
    if not spans.first.size:
        return None
    images = lay_out_spans(line.ink, pieces, spans)
    parts = [
        predictor.outputs([ModelInput(image) for image in images[start : start + BATCH]], OUTPUTS)
        for start in range(0, len(images), BATCH)
    ]
    logits, novelty = (np.concatenate([part[name] for part in parts]) for name in OUTPUTS)
    log_chances = np.log(np.clip(softmax(logits, predictor.temperature["image"]), LEAST_CHANCE, 1))
    return Weighed(line, pieces, spans, images, log_chances, novelty.astype(np.float64))
