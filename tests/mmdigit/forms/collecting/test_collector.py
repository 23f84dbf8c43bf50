"""Pages are decided once all of their jobs have outcomes, by one of several collectors, whatever the others do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdigit.forms.collecting.collector import BATCH, PATIENCE, Collector
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.dead_letter import DeadLetter
from schemas.errors import DataError
from tests.factories import make_dead_letter
from tests.mmdigit.forms.store.kept import form_page, page, predictions
from tests.mmdigit.forms.written import TEMPLATE


@pytest.fixture
def forms(tmp_path: Path) -> Iterator[PageStore]:
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as store:
        yield store


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[PredictionStore]:
    with open_store(f"sqlite:///{tmp_path / 'predictions.db'}") as store:
        yield store


def records(forms: PageStore) -> list[dict[str, FieldRecord]]:
    return [{record.value.name: record for record in records} for _, records in forms.pages(TEMPLATE.digest)]


def dead(job_id: str) -> DeadLetter:
    return make_dead_letter(1).model_copy(update={"job_id": job_id})


def test_collector_decides_a_page_once_all_is_answered(forms: PageStore, answers: PredictionStore) -> None:
    first, second = form_page(1, "12345674"), form_page(2, "12345675")
    forms.put_pages([first, second])
    collector = Collector(TEMPLATE, forms, answers)
    answers.put(predictions(first)[1:])
    answers.put(predictions(second))
    [decided] = collector.sweep()
    assert decided.pages == 1
    [waiting, read] = records(forms)
    assert waiting == {}
    assert (read["member"].text, read["member"].reasons) == ("12345675", ("not_valid",))
    assert (read["consent"].text, read["born"].reasons, read["arrived"].decision) == ("true", ("blank",), "accept")
    answers.put(predictions(first)[:1])
    assert [each.pages for each in collector.sweep()] == [1]
    [read, _] = records(forms)
    assert (read["member"].text, read["member"].decision) == ("12345674", "accept")
    assert read["member"].value.model_version == "model-1"
    assert list(collector.sweep()) == []


def test_dead_letter_makes_its_field_review(forms: PageStore, answers: PredictionStore) -> None:
    kept = form_page(1, "12345674")
    forms.put_pages([kept])
    answers.put(predictions(kept)[:-1])
    assert [each.pages for each in Collector(TEMPLATE, forms, answers).sweep()] == [0]
    answers.put_dead_letters([dead("1.7.4")])
    assert [each.pages for each in Collector(TEMPLATE, forms, answers).sweep()] == [1]
    [read] = records(forms)
    assert (read["member"].text, read["member"].reasons) == ("1234567?", ("dead_letter",))


def test_two_collectors_decide_each_page_once(forms: PageStore, answers: PredictionStore) -> None:
    pages = [form_page(number) for number in range(1, 2 * BATCH)]
    forms.put_pages(pages)
    for kept in pages:
        answers.put(predictions(kept))
    one, other = Collector(TEMPLATE, forms, answers).sweep(), Collector(TEMPLATE, forms, answers).sweep()
    decided = next(one).pages + next(other).pages + sum(each.pages for each in one)
    assert decided + sum(each.pages for each in other) == len(pages)


def test_page_of_another_template_is_told(forms: PageStore, answers: PredictionStore) -> None:
    forms.put_pages([page(1, template=TEMPLATE.digest, fields=())])
    with pytest.raises(DataError, match=r"expected the fields of form INTK on page INTK\.1, got others"):
        list(Collector(TEMPLATE, forms, answers).sweep())


def test_pages_that_wait_forever_hold_up_no_others(forms: PageStore, answers: PredictionStore) -> None:
    stuck = [form_page(number) for number in range(BATCH * PATIENCE)]
    last = form_page(BATCH * PATIENCE)
    forms.put_pages(stuck)
    forms.put_pages([last])
    answers.put(predictions(last))
    collector = Collector(TEMPLATE, forms, answers)
    assert sum(each.pages for each in collector.sweep()) == 0
    assert sum(each.pages for each in collector.sweep()) == 1
