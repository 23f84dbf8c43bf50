"""What was heard in the recordings of a page: the sound of each written box, and what people see and hear of it."""

from dataclasses import dataclass, field

from mmdigit.forms.fields.weighing import FieldReason

BoxKey = tuple[str, int]
"""The field's name and the box's index."""


@dataclass(frozen=True)
class HeardBox:
    """A digit that is heard. box: its index in the field, written: the digit that is seen in it; None if that cannot be
    told. start_s, end_s: where it lies in the field's sound."""

    heard: int
    start_s: float
    end_s: float
    box: int | None = None
    written: int | None = None


@dataclass(frozen=True)
class HeardField:
    """A spoken field with a recording. sound: the name of its sound, see HeardFields. reason: why it does not help;
    then boxes are all digits that are heard in it."""

    sound: str | None = None
    boxes: tuple[HeardBox, ...] = ()
    reason: FieldReason | None = None

    @property
    def differs(self) -> bool:
        """Whether a digit is heard as another than is written."""
        return any(each.written not in (None, each.heard) for each in self.boxes)


@dataclass(frozen=True)
class HeardFields:
    """clips: a WAV file for each box whose digit is heard, for its job. fields: by name, those with a recording.
    sounds: WAV files by the name of their recording, 8 kHz, mono, 16 bits."""

    clips: dict[BoxKey, bytes] = field(default_factory=dict)
    fields: dict[str, HeardField] = field(default_factory=dict)
    sounds: dict[str, bytes] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, FieldReason]:
        """Why a recording does not help, by the field's name."""
        return {name: heard.reason for name, heard in self.fields.items() if heard.reason is not None}
