"""Corrected digits: one picture a box of what people have said, in a manifest that finetuning and predicting read."""

from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.commands.predict import predict_one
from mmdigit.datasets.manifest import Manifest
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.reviewing.corrected_digits import FILE, write_corrected_digits
from mmdigit.forms.store.ports import Change, NewChange
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.forms.sheets.test_keeping import ORIGIN
from tests.mmdigit.forms.store.kept import NOW
from tests.mmdigit.forms.written import TEMPLATE, filled_page, scanned_page

FIELDS = ("member", "amount", "items.1.count")


@pytest.fixture
def forms(tmp_path: Path) -> str:
    """A filled page in a database; of FIELDS a person has said what is written, as it is written."""
    filled = filled_page()
    page, values = FormReader(TEMPLATE, Predictor.load()).keep(scanned_page(filled.pixels), ORIGIN)
    url = f"sqlite:///{tmp_path / 'forms.db'}"
    with open_page_store(url) as store:
        store.put_pages([page])
        store.put_values({page.group: values})
        texts = {value.name: value.text for value in values}
        changes = [Change("correction", texts[name], "Ada", NOW) for name in FIELDS]
        store.put_changes([NewChange(page.group, name, each, 0) for name, each in zip(FIELDS, changes, strict=True)])
    return url


def test_digits_of_corrected_fields_can_be_read(forms: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "form.yaml").write_bytes(example())
    folder = tmp_path / "said"
    arguments = ["--template", str(tmp_path / "form.yaml"), "--forms", forms, "--digits", str(folder)]
    assert cli.main(["form", "learn", *arguments]) == 0
    samples = list(Manifest.open(folder / FILE))
    assert f"said/{FILE}: {len(samples)} digits that people have said" in capsys.readouterr().out
    assert {sample.id.split("-")[2] for sample in samples} == set(FIELDS)
    assert {sample.writer for sample in samples} == {"form 1"}
    assert len(samples) >= 12
    predictor = Predictor.load()
    right = sum(predict_one(predictor, sample.image, None).label == sample.label for sample in samples)
    assert right >= len(samples) - 1


def test_form_without_a_word_has_no_digits(tmp_path: Path) -> None:
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as store:
        assert write_corrected_digits(store, TEMPLATE, tmp_path / "said") == 0
    assert (tmp_path / "said" / FILE).read_text().splitlines() == ["id,image,label,writer"]
