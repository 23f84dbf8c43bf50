"""A recording of a field is cut into its boxes; one that does not fit says so and gives no sound."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdigit.forms.cells.reader import Cell, CellState
from mmdigit.forms.spoken import hearing
from mmdigit.forms.spoken.heard import HeardField, HeardFields
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.template.layout import slots_of
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.reading.audio.normalize import decode_audio, read_recording, read_waveform
from mmdigit.reading.audio.wav_writing import wav_of
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.forms.written import SPOKEN

PACK = Path(__file__).parents[4] / "samples" / "pack" / "audio"
[MEMBER] = [slot for slot in slots_of(SPOKEN, 0) if slot.name == "member"]
ARRIVED, AMOUNT = (next(slot for slot in slots_of(SPOKEN, 0) if slot.name == name) for name in ("arrived", "amount"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


@pytest.fixture
def hearer(predictor: Predictor) -> FieldHearer:
    return FieldHearer(predictor)


def spoken(digits: str) -> bytes:
    """A WAV file: the sample pack's voice reads the digits with short pauses."""
    clips = [read_waveform(next(PACK.glob(f"{digit}_*.wav")).read_bytes()) for digit in digits]
    pause = np.zeros(1200, np.float32)
    samples = np.concatenate([pause, *(part for clip in clips for part in (clip, pause))])
    return wav_of(samples)


def cells(*states: CellState) -> list[Cell]:
    image = np.zeros((28, 28), np.uint8)
    return [Cell(MEMBER, index, state, image, 3.0) for index, state in enumerate(states)]


def test_each_digit_joins_its_box(hearer: FieldHearer, predictor: Predictor) -> None:
    states: list[CellState] = ["digit"] * 8
    states[3] = "crossed_out"
    recording = spoken("90481714")
    heard = hearer.hear({"member": recording}, [cells(*states)])
    assert heard.reasons == {}
    assert sorted(heard.clips) == [("member", index) for index in range(8) if index != 3]
    inputs = [ModelInput(waveform=decode_audio(heard.clips[key])) for key in sorted(heard.clips)]
    assert "".join(str(answer.label) for answer in predictor.predict(inputs)) == "9041714"
    boxes = heard.fields["member"].boxes
    assert [(each.box, each.heard, each.written is None) for each in boxes] == [
        (index, digit, index == 3) for index, digit in enumerate((9, 0, 4, 8, 1, 7, 1, 4))
    ]
    ends = [time_s for each in boxes for time_s in (each.start_s, each.end_s)]
    assert ends == sorted(ends)
    assert heard.fields["member"].sound == "member"
    np.testing.assert_allclose(read_recording(heard.sounds["member"]), read_recording(recording), atol=1e-3)
    assert heard.fields["member"].differs  # the boxes of this test hold no ink


def test_fields_of_a_page_share_a_recording(hearer: FieldHearer) -> None:
    own = [Cell(AMOUNT, index, "digit", np.zeros((28, 28), np.uint8), 3.0) for index in range(2)]
    not_spoken = [Cell(ARRIVED, 0, "digit", np.zeros((28, 28), np.uint8), 3.0)]
    fields = [cells("digit", "blank", "digit", "digit", "digit"), not_spoken, own]
    heard = hearer.hear({"*": spoken("471190")}, fields)
    assert sorted(heard.clips) == [*(("amount", index) for index in (0, 1)), *(("member", i) for i in (0, 2, 3, 4))]
    assert {name: field.sound for name, field in heard.fields.items()} == {"member": "*", "amount": "*"}
    assert [box.heard for box in heard.fields["amount"].boxes] == [9, 0]
    alone = hearer.hear({"*": spoken("4711"), "amount": spoken("90")}, fields)
    assert {name: field.sound for name, field in alone.fields.items()} == {"member": "*", "amount": "amount"}
    assert sorted(alone.clips) == sorted(heard.clips)
    assert hearer.hear({}, fields) == hearer.hear({"arrived": spoken("1")}, fields) == HeardFields()


def test_recording_of_a_blank_field_says_so(hearer: FieldHearer) -> None:
    blank = cells("blank", "blank")
    heard = hearer.hear({"member": spoken("4711")}, [blank])
    assert heard.fields == {"member": HeardField("member", (), "spoken_differs")}
    assert hearer.hear({"*": spoken("4711")}, [blank]).fields == {}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"no sound", HeardField(reason="not_heard")),
        (b"", HeardField(reason="not_heard")),
        (spoken(""), HeardField("member", reason="not_heard")),
    ],
)
def test_recording_that_cannot_be_heard_says_so(hearer: FieldHearer, content: bytes, field: HeardField) -> None:
    heard = hearer.hear({"member": content}, [cells("digit", "digit", "digit", "digit")])
    assert (heard.clips, heard.fields) == ({}, {"member": field})


def test_other_number_of_digits_says_what_is_heard(hearer: FieldHearer) -> None:
    heard = hearer.hear({"member": spoken_wav("47029")}, [cells("digit", "digit", "digit", "digit")])
    assert (heard.clips, heard.reasons) == ({}, {"member": "spoken_differs"})
    assert [(each.heard, each.box) for each in heard.fields["member"].boxes] == [
        (digit, None) for digit in (4, 7, 0, 2, 9)
    ]


def test_damaged_recording_costs_no_other_field(hearer: FieldHearer, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = [Cell(AMOUNT, index, "digit", np.zeros((28, 28), np.uint8), 3.0) for index in range(2)]
    fields = [cells("digit", "digit"), pair]
    heard = hearer.hear({"member": spoken("47")[:100], "amount": spoken("90")}, fields)
    assert heard.reasons == {"member": "not_heard"}
    assert sorted(heard.clips) == [("amount", 0), ("amount", 1)]

    def fail(*_: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("mmdigit.forms.spoken.hearing.FieldHearer._cut", fail)
    assert hearer.hear({"member": spoken("47")}, fields).reasons == {"member": "not_heard"}


def test_sounds_of_a_page_are_bounded(hearer: FieldHearer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "MAX_SOUND_S", 3.0)
    pair = [Cell(AMOUNT, index, "digit", np.zeros((28, 28), np.uint8), 3.0) for index in range(2)]
    heard = hearer.hear({"member": spoken("47"), "amount": spoken("904817")}, [cells("digit", "digit"), pair])
    assert heard.reasons == {"amount": "not_heard"}
    assert set(heard.sounds) == {"member"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(recording=st.binary(max_size=200) | st.integers(0, 3000).map(lambda cut: spoken("47")[:cut]))
def test_any_bytes_are_heard_or_say_why(hearer: FieldHearer, recording: bytes) -> None:
    heard = hearer.hear({"member": recording}, [cells("digit", "digit")])
    assert set(heard.fields) == {"member"}
    assert bool(heard.clips) != bool(heard.reasons)
