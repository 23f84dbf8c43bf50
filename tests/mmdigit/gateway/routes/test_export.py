"""The table of a group: a row an outcome, safe in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmdigit.gateway.routes import export
from tests.factories import make_dead_letter
from tests.mmdigit.gateway.served import Served, served
from tests.producer.fakes import prediction_of


@pytest.fixture(name="gateway")
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(export, "PAGE", 2)
    with served(tmp_path) as gateway:
        gateway.store.put([prediction_of(f"j{number}", number, group="g", expected=number) for number in range(5)])
        gateway.store.put_dead_letters([make_dead_letter()])
        yield gateway


def test_csv_has_a_row_for_each_outcome(gateway: Served) -> None:
    with gateway.client() as client:
        response = client.get("/v1/export/g.csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["id"] for row in rows] == ["j0", "j1", "j2", "j3", "j4", "job-0"]
    assert [row["label"] for row in rows] == ["0", "1", "2", "3", "4", ""]
    assert [row["expected"] for row in rows] == ["0", "1", "2", "3", "4", ""]
    assert rows[-1]["dead_letter_reason"] == "invalid_image"
    assert response.headers["content-disposition"] == 'attachment; filename="g.csv"'


def test_parquet_has_the_same_rows_with_types(gateway: Served) -> None:
    with gateway.client() as client:
        table = pq.read_table(io.BytesIO(client.get("/v1/export/g.parquet").content))
    assert table.column_names == list(export.COLUMNS)
    assert table["label"].to_pylist() == [0, 1, 2, 3, 4, None]
    assert table["id"].to_pylist()[-1] == "job-0"


def test_unknown_groups_and_kinds_are_problems(gateway: Served) -> None:
    with gateway.client() as client:
        assert client.get("/v1/export/other.csv").status_code == 404
        assert client.get("/v1/export/g.xls").status_code == 422
