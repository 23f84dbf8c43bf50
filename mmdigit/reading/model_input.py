"""What the model reads of one job, and how a job's bytes become it."""

from dataclasses import dataclass
from typing import Self

from mmdigit.reading.audio.normalize import Waveform, decode_audio
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.pixels import Grey
from schemas.prediction import Reason


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What the model reads of one job: an image, a waveform, or both. Raises ValueError if there is neither.

    image: (28, 28), range [0, 1], 1 = ink, as decode_image returns it.
    waveform: (N_SAMPLES,), range [-1, 1], as decode_audio returns it.
    reasons: for review, seen in the whole image; photographed: it was found in a picture, see Digit. decode_input sets
    both.
    """

    image: Grey | None = None
    waveform: Waveform | None = None
    reasons: tuple[Reason, ...] = ()
    photographed: bool = False

    def __post_init__(self) -> None:
        if self.image is None and self.waveform is None:
            raise ValueError("expected an image, audio or both, got neither")

    @classmethod
    def of(cls, digit: Digit | None, waveform: Waveform | None) -> Self:
        """From what the decoders returned. Raises ValueError if both are None."""
        return cls(None, waveform) if digit is None else cls(digit.image, waveform, digit.reasons, digit.photographed)


def decode_input(image: bytes | None, audio: bytes | None) -> ModelInput:
    """Decode what a job carries. Raises InvalidImage or InvalidAudio; ValueError if both are None."""
    digit = None if image is None else read_digit(*read_image(image))
    waveform = None if audio is None else decode_audio(audio)
    return ModelInput.of(digit, waveform)
