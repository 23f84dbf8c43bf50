"""`mmdigit form learn`: what is wrong where, and thresholds that hold what they promise."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmdigit import cli
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.fields.thresholds import load_thresholds
from mmdigit.forms.reviewing.learning import GRID, Evidence, Lesson, fit, learn, thresholds_of
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from tests.mmdigit.forms.store.kept import change, form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE

TARGET = 0.01


def evidence(there: int, looked_at: int, wrong: int, chance: float) -> Evidence:
    found = Evidence()
    for number in range(there):
        found.add(chance, number < looked_at, number < wrong)
    return found


def test_fit_goes_down_as_far_as_the_bound_holds() -> None:
    sure, unsure = evidence(2000, 1000, 0, 0.9999), evidence(500, 500, 0, 0.9)
    found = fit([sure, unsure], TARGET)
    assert found is not None
    assert found.chance == pytest.approx(GRID[0])
    assert (found.looked_at, found.wrong) == (1500, 0)
    unsure = evidence(500, 500, 100, 0.9)
    found = fit([sure, unsure], TARGET)
    assert found is not None
    assert found.chance > 0.9
    assert found.bound <= TARGET


def test_fit_goes_up_where_the_chance_promises_too_much() -> None:
    sure, less = evidence(3000, 3000, 0, 0.99999), evidence(1000, 1000, 200, 0.9905)
    both = Evidence(sure.there + less.there, sure.looked_at + less.looked_at, sure.wrong + less.wrong)
    found = fit([both, Evidence()], TARGET)
    assert found is not None
    assert found.chance > 0.9905
    assert fit([less], TARGET) is None


def test_fit_shows_nothing_without_a_look() -> None:
    assert fit([evidence(10_000, 0, 0, 0.999999)], TARGET) is None
    assert fit([Evidence()], TARGET) is None
    assert fit([evidence(10_000, 200, 0, 0.999999)], TARGET) is None


def test_fit_holds_its_promise_on_calibrated_fields() -> None:
    broken = shown = 0
    for seed in range(200):
        chance = np.random.default_rng(seed)
        accepted, unsure = Evidence(), Evidence()
        truth = []
        for doubt in 10 ** chance.uniform(-5, -1, 3000):
            wrong = bool(chance.random() < doubt)
            truth.append((1 - doubt, wrong))
            (accepted if doubt <= TARGET else unsure).add(1 - doubt, bool(chance.random() < 0.4), wrong)
        found = fit([accepted, unsure], TARGET)
        if found is not None:
            shown += 1
            broken += float(np.mean([wrong for sure, wrong in truth if sure >= found.chance])) > TARGET
    assert shown > 100
    assert broken <= 0.05 * shown


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    """Forms of one writer each, sure and not; of form 2 a digit is wrong, form 3 is accepted wrongly."""
    (tmp_path / "form.yaml").write_bytes(example())
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as opened:
        for number, confidence in {1: 0.9, 2: 0.9, 3: 0.999999, 4: 0.999999}.items():
            page = form_page(number, "12345674", scanner="Acme" if number < 3 else "")
            opened.put_pages([page])
            answers = {job_id: prediction(job_id, int(job_id[-1]), confidence) for job_id in job_ids_of(page)}
            opened.put_values({page.group: decide_page(TEMPLATE, page, answers)})
        opened.put_changes([change("12345674"), change("12345614", number=2)])
        opened.put_changes([change("12345672", "control", number=3)])
        # Somebody happened to see that: it is no sample.
        opened.put_changes([change("12345672", number=4)])
        yield opened


def test_learn_tells_what_was_wrong_where(store: PageStore) -> None:
    lesson = learn(store, TEMPLATE)
    assert lesson.tables == {
        "field": {"member": [4, 3]},
        "writer": {"form 1": [1, 0], "form 2": [1, 1], "form 3": [1, 1], "form 4": [1, 1]},
        "scanner": {"Acme": [2, 1], "not known": [2, 2]},
        "pen": {"usual": [4, 3]},
    }
    assert lesson.confusions == {("7", "1"): 1, ("4", "2"): 2}
    strata = lesson.evidence["digits+luhn"]
    assert strata["accepted"].from_step(0) == (2, 1, 1)
    assert strata["unsure"].from_step(0) == (2, 2, 1)
    assert lesson.targets["digits+luhn"] == 0.0014
    assert thresholds_of(lesson, TEMPLATE).fields == {}


def test_learn_writes_thresholds_that_reading_takes(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forms = ["--template", str(tmp_path / "form.yaml"), "--forms", f"sqlite:///{tmp_path / 'forms.db'}"]
    assert cli.main(["form", "learn", *forms, "-o", str(tmp_path / "t.json")]) == 0
    printed = capsys.readouterr().out
    assert "writer: wrong of those that people have looked at\n  form 2: 1 of 1\n  form 3: 1 of 1\n" in printed
    assert "  4 was 2: 2 times\n" in printed
    assert "threshold of digits+luhn: no chance shows the target of 0.14 %; control more of its fields\n" in printed
    assert load_thresholds(tmp_path / "t.json", TEMPLATE).model_version == "model-1"


def test_lesson_of_nothing_has_no_thresholds(tmp_path: Path) -> None:
    with open_page_store(f"sqlite:///{tmp_path / 'empty.db'}") as empty:
        lesson = learn(empty, TEMPLATE)
    assert lesson == Lesson()
    assert thresholds_of(lesson, TEMPLATE).fields == {}
