"""Decodes what many jobs carry, each step for all of them before the next: the processor's caches then hold its code.

Between two turns of the model a PNG and a WAV cost 170 us job by job, and 90 us this way.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from mmdigit.reading.audio.normalize import Waveform, place, place_each, read_waveform
from mmdigit.reading.image.decode import read_picture
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.predictor import Sample

TOGETHER = 32
"""Jobs to decode in one call: more gain nothing, and between two steps each may hold half a megabyte."""

Input = TypeVar("Input")
Output = TypeVar("Output")


def read_samples(pairs: Sequence[tuple[bytes | None, bytes | None]]) -> list[Sample | Exception]:
    """What read_sample makes of each pair of image and audio, or the error that it raises, as if each were alone.

    pairs: TOGETHER or fewer are best.
    """
    images = _each(lambda picture: read_digit(*picture), _each(read_picture, [image for image, _ in pairs]))
    # If the picture fails, its error is the job's, and the audio is skipped.
    sounds = [image if isinstance(image, Exception) else audio for image, (_, audio) in zip(images, pairs, strict=True)]
    clips = _placed(_each(read_waveform, sounds))
    return [_sample(image, clip) for image, clip in zip(images, clips, strict=True)]


def _each(
    step: Callable[[Input], Output], inputs: Sequence[Input | Exception | None]
) -> list[Output | Exception | None]:
    """The step of each input, or the error that it raises; what is missing or has failed stays so."""
    outputs: list[Output | Exception | None] = []
    for given in inputs:
        if given is None or isinstance(given, Exception):
            outputs.append(given)
            continue
        try:
            outputs.append(step(given))
        except Exception as exc:  # not only InvalidJob: a decoder that fails unforeseen must stop no other job
            outputs.append(exc)
    return outputs


def _placed(waveforms: Sequence[Waveform | Exception | None]) -> list[Waveform | Exception | None]:
    """As place, of each waveform: all in one call, and one by one if that fails."""
    try:
        clips = iter(place_each([each for each in waveforms if each is not None and not isinstance(each, Exception)]))
    except Exception:  # of one of them, and only that one's
        return _each(place, waveforms)
    return _each(lambda _: next(clips), waveforms)


def _sample(digit: Digit | Exception | None, clip: Waveform | Exception | None) -> Sample | Exception:
    if isinstance(digit, Exception):
        return digit
    if isinstance(clip, Exception):
        return clip
    try:
        return Sample.of(digit, clip)
    except ValueError as exc:
        return exc
