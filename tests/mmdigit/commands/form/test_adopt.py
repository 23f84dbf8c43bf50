"""`mmdigit form adopt`: from a blank that somebody else printed to a table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.benchmarks.forms.camera import Camera
from lab.benchmarks.forms.foreign import FOLDER, read_scans
from mmdigit import cli
from mmdigit.forms.loading import load_template
from tests.mmdigit.forms.adopt.foreign import blank_pdf, filled_foreign, foreign_paper
from tests.mmdigit.forms.written import FLAT, filled_page, scanned, turned


def adopt(folder: Path, *variants: int, pages: str = "either") -> Path:
    (folder / "blank.pdf").write_bytes(blank_pdf(*variants))
    form = folder / "form.yaml"
    assert cli.main(["form", "adopt", str(folder / "blank.pdf"), "-o", str(form), "--pages", pages]) == 0
    form.write_text(form.read_text().replace("field1", "number"))
    return form


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def save(page: np.ndarray[tuple[int, ...], np.dtype[np.float32]], path: Path, camera: Camera = FLAT) -> None:
    Image.fromarray(scanned(page, camera)[0]).save(path)


def test_form_adopt_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = adopt(tmp_path, 1, 2)
    printed = capsys.readouterr().out
    assert "page 1: 3 fields, 14 boxes" in printed
    assert "page 2: 1 field, 9 boxes" in printed
    assert cli.main(["form", "check", str(form)]) == 0
    assert "form BLAN revision 1, 2 pages, 4 fields, 23 boxes" in capsys.readouterr().out


def test_form_adopt_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = adopt(tmp_path, 1)
    before = form.read_text()
    assert cli.main(["form", "adopt", str(tmp_path / "blank.pdf"), "-o", str(form)]) == 2
    assert "expected no file yet" in capsys.readouterr().err
    assert form.read_text() == before
    (tmp_path / "other").mkdir()
    assert cli.main(["form", "adopt", str(tmp_path / "blank.pdf"), "-o", str(tmp_path / "other" / "a.yaml")]) == 2
    assert "expected --output beside" in capsys.readouterr().err


def test_form_print_refuses_an_adopted_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = adopt(tmp_path, 1)
    assert cli.main(["form", "print", str(form), "-o", str(tmp_path / "stack.pdf")]) == 2
    assert "expected a form to print, got one that somebody else printed; print blank.pdf" in capsys.readouterr().err


def test_form_check_draws_a_page_of_the_blank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form, output = adopt(tmp_path, 1, 2), tmp_path / "boxes.png"
    arguments = ["form", "check", str(form), "--scan", str(tmp_path / "blank.pdf"), "-o", str(output)]
    assert cli.main([*arguments, "--page", "2"]) == 0
    colours = np.asarray(Image.open(output).convert("RGB")).reshape(-1, 3)
    assert ((colours[:, 1] > 120) & (colours[:, 0] < 60)).sum() > 1000
    assert not ((colours[:, 0] > 180) & (colours[:, 1] < 60)).any()
    assert cli.main([*arguments, "--page", "3"]) == 2
    assert "expected a page 3, got fewer" in capsys.readouterr().err


def test_form_read_reads_an_adopted_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = load_template(adopt(tmp_path, 1, 2))
    scans = tmp_path / "scans"
    scans.mkdir()
    first, second = filled_foreign(template, 0, 1), filled_foreign(template, 1, 2)
    save(first.pixels, scans / "1.png")
    save(second.pixels, scans / "2.png", turned(FLAT, 180))
    save(filled_page().pixels, scans / "3.png")  # of a form of our own
    Image.fromarray(np.full((1700, 1200), 255, np.uint8)).save(scans / "4.png")
    save(first.pixels, scans / "5.png", turned(Camera(120.0, tilt_deg=6), 92))
    save(foreign_paper(2), scans / "6.png")
    arguments = ["--template", str(tmp_path / "form.yaml"), "-o", str(tmp_path / "table.csv")]
    assert cli.main(["form", "read", str(scans), *arguments, "--pages", str(tmp_path / "pages.csv")]) == 1
    states = {row["file"]: (row["state"], row["serial"]) for row in rows(tmp_path / "pages.csv")}
    assert states == {
        "1.png": ("read", "1"), "2.png": ("read", "2"), "3.png": ("foreign_form", ""), "4.png": ("blank_page", ""),
        "5.png": ("duplicate", ""), "6.png": ("read", "3"),
    }  # fmt: skip
    assert "got one with the writing of 1.png:1" in capsys.readouterr().err
    table = rows(tmp_path / "table.csv")
    assert [row["serial"] for row in table] == ["1", "2", "3"]
    for row, filled in zip(table, (first, second), strict=False):
        assert sum(a == b for a, b in zip(row["number"], filled.written[0] or "", strict=True)) >= 8
    assert table[0]["field3"] == "false"
    assert {cell for name, cell in table[1].items() if name.startswith(("field2", "field3"))} == {""}
    assert (table[2]["number"], table[2]["number.reasons"]) == ("", "blank")
    before = (tmp_path / "table.csv").read_bytes(), (tmp_path / "pages.csv").read_bytes()
    assert cli.main(["form", "read", str(scans), *arguments, "--pages", str(tmp_path / "pages.csv")]) == 1
    assert (tmp_path / "table.csv").read_bytes() == before[0]
    assert {row["file"]: (row["state"], row["serial"]) for row in rows(tmp_path / "pages.csv")} == states
    assert "6 pages read before" in capsys.readouterr().out


def test_form_read_puts_pages_that_follow_together(tmp_path: Path) -> None:
    template = load_template(adopt(tmp_path, 1, 2, pages="together"))
    scans = tmp_path / "scans"
    scans.mkdir()
    first, *more = [
        Image.fromarray(scanned(filled_foreign(template, page, index).pixels, FLAT)[0])
        for index, page in enumerate((0, 1, 0))
    ]
    first.save(scans / "stack.tiff", save_all=True, append_images=more)
    arguments = ["--template", str(tmp_path / "form.yaml"), "-o", str(tmp_path / "table.csv")]
    assert cli.main(["form", "read", str(scans), *arguments, "--pages", str(tmp_path / "pages.csv")]) == 1
    whole, half = rows(tmp_path / "table.csv")
    assert whole["pages"] == "stack.tiff:1;stack.tiff:2"
    assert len(whole["page1_number"]) == len(whole["page2_number"]) == 9
    assert half["page2_number.reasons"] == "missing_page"
    assert [row["state"] for row in rows(tmp_path / "pages.csv")] == ["read", "read", "read", "missing_page"]


@pytest.mark.data
def test_form_adopt_reads_a_real_stack(data_dir: Path) -> None:
    scans = list(read_scans(data_dir / FOLDER))
    assert [scan.variant for scan in scans] == [scan.true_variant for scan in scans]
    assert sum(scan.digits_right for scan in scans) >= 0.99 * 9 * 18
    assert sum(scan.number == scan.true_number for scan in scans) >= 17
    assert not [scan for scan in scans if scan.accepted and scan.number != scan.true_number]
