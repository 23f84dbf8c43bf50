"""`mmdigit form read`: a stack with good and bad pages becomes one table, every page accounted for."""

import csv
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.benchmarks.forms.filling import fill
from mmdigit import cli
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.forms.template.template import Template
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.forms.written import FLAT, FREE, FREE_FORM, TEMPLATE, paper, sample_digits, scanned, turned

TWO_PAGES = parse_template(example() + b"  - title: More\n    fields:\n      - name: more\n"
                           b"        boxes: {at_mm: [25, 60], size_mm: [7, 9], pitch_mm: 8, count: 4}\n")  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path, form: bytes = example(), *more: str) -> int:
    (folder / "form.yaml").write_bytes(form)
    arguments = ["--template", str(folder / "form.yaml"), "-o", str(folder / "table.csv"), *more]
    return cli.main(["form", "read", str(folder / "scans"), *arguments, "--pages", str(folder / "pages.csv")])


def save_page(
    path: Path, serial: int, seed: int = 0, degrees: float = 0.0, *, page: int = 0, two: bool = False
) -> list[str | None]:
    template = TWO_PAGES if two else TEMPLATE
    filled = fill(paper(template, page, serial), template, sample_digits(), np.random.default_rng(seed), page)
    Image.fromarray(scanned(filled.pixels, turned(FLAT, degrees))[0]).save(path)
    return list(filled.written)


def test_form_read_makes_a_row_of_each_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    written = {serial: save_page(scans / f"{serial}.png", serial, serial, 90 * serial) for serial in (1, 2)}
    Image.fromarray(np.full((1200, 850), 255, np.uint8)).save(scans / "back.png")
    (scans / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    save_page(scans / "twice.jpg", 1, 1)
    assert read(tmp_path) == 1
    table = rows(tmp_path / "table.csv")
    assert [row["serial"] for row in table] == ["1", "2"]
    right = 0
    for row in table:
        members = written[int(row["serial"])][0]
        assert row["member.decision"] in ("accept", "review")
        right += row["member"] == (members or "")
    assert right >= 1
    pages = {row["file"]: row["state"] for row in rows(tmp_path / "pages.csv")}
    assert pages == {
        "1.png": "read", "2.png": "read", "back.png": "blank_page", "broken.pdf": "unreadable",
        "twice.jpg": "duplicate",
    }  # fmt: skip
    printed = capsys.readouterr()
    assert "2 forms of 5 pages, 42 fields" in printed.out
    assert "3 pages not read" in printed.out
    assert "broken.pdf, page 1: unreadable: expected a whole PDF" in printed.err


def test_recordings_join_their_forms(tmp_path: Path) -> None:
    form = example().replace(b"- name: member ", b"- spoken: required\n        name: member ")
    for name in ("scans", "recordings"):
        (tmp_path / name).mkdir()
    written = {serial: save_page(tmp_path / "scans" / f"{serial}.png", serial, serial) for serial in (1, 2, 3, 4)}
    members = {serial: values[0] or "" for serial, values in written.items()}
    other = str((int(members[3][0]) + 1) % 10) + members[3][1:]
    for serial, said in ((1, members[1]), (3, other)):
        (tmp_path / "recordings" / f"{serial}.member.wav").write_bytes(spoken_wav(said))
    os.mkfifo(tmp_path / "recordings" / "4.member.wav")
    assert read(tmp_path, form, "--recordings", str(tmp_path / "recordings")) == 0
    table = {int(row["serial"]): row for row in rows(tmp_path / "table.csv")}
    assert (table[1]["member"], table[1]["member.decision"]) == (members[1], "accept")
    reasons = {serial: table[serial]["member.reasons"].split() for serial in (2, 3, 4)}
    assert "not_spoken" in reasons[2]
    assert "conflict" in reasons[3]
    assert "not_heard" in reasons[4]


def test_free_fields_are_read_and_corrected(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    written = {}
    for serial in (1, 2):
        chance = np.random.default_rng(serial)
        filled = fill(paper(FREE, 0, serial), FREE, sample_digits(), chance, blanks=0.0)
        Image.fromarray(scanned(filled.pixels)[0]).save(tmp_path / "scans" / f"{serial}.png")
        written[str(serial)] = filled.written[0] or ""
    strict = FREE_FORM.replace(b"target_error: 0.0014", b"target_error: 0.0000001")
    assert read(tmp_path, strict) == 0
    table = {row["serial"]: row for row in rows(tmp_path / "table.csv")}
    assert any(table[serial]["member"] == written[serial] for serial in written)
    assert {row["member.decision"] for row in table.values()} == {"review"}
    assert table["1"]["member.box_mm"] == "25 54 63 9"
    arguments = ["--template", str(tmp_path / "form.yaml"), "--forms", f"sqlite:///{tmp_path / 'table.db'}"]
    assert cli.main(["form", "review", *arguments, "-o", str(tmp_path / "look")]) == 0
    queue = [row for row in rows(tmp_path / "look" / "queue.csv") if row["field"] == "member"]
    assert {row["boxes"] for row in queue} == {"digits, 8"}
    with Image.open(tmp_path / "look" / queue[0]["crop"]) as picture:
        assert picture.width == pytest.approx(4 * (63 + 3), abs=1)
    with (tmp_path / "said.csv").open("w") as file:
        said = csv.DictWriter(file, [*queue[0]])
        said.writeheader()
        said.writerows(row | {"value": written[row["serial"]]} for row in queue)
    assert cli.main(["form", "review", *arguments, "--corrections", str(tmp_path / "said.csv"), "--by", "Ada"]) == 0
    assert cli.main(["form", "export", *arguments, "-o", str(tmp_path / "after.csv")]) == 0
    after = {row["serial"]: row for row in rows(tmp_path / "after.csv")}
    assert {serial: row["member"] for serial, row in after.items()} == written
    assert {row["member.source"] for row in after.values()} == {"person"}
    assert cli.main(["form", "learn", *arguments, "--digits", str(tmp_path / "digits")]) == 0
    assert len((tmp_path / "digits" / "corrections.csv").read_text().splitlines()) == 1  # a line is no picture of boxes


def test_form_read_goes_on_after_a_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = tmp_path / "scans"
    (scans / "folder.pdf").mkdir(parents=True)
    (scans / "gone.tif").symlink_to("nowhere")
    os.mkfifo(scans / "pipe.png")
    save_page(scans / "z.png", 1)
    assert read(tmp_path) == 1
    assert [row["serial"] for row in rows(tmp_path / "table.csv")] == ["1"]
    states = {row["file"]: row["state"] for row in rows(tmp_path / "pages.csv")}
    assert states == dict.fromkeys(("folder.pdf", "gone.tif", "pipe.png"), "unreadable") | {"z.png": "read"}
    assert "pipe.png, page 1: unreadable: expected a scan" in capsys.readouterr().err


def test_unforeseen_error_costs_its_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scans").mkdir()
    for serial in (1, 2):
        save_page(tmp_path / "scans" / f"{serial}.png", serial)
    pages = iter((1, 2))

    def fail_once(page: ScannedPage, template: Template) -> PlacedPage | PageFault:
        if next(pages, 2) == 1:
            raise ZeroDivisionError("secret")
        return place(page, template)

    monkeypatch.setattr("mmdigit.forms.reading.form_reader.place", fail_once)
    assert read(tmp_path) == 1
    assert [row["serial"] for row in rows(tmp_path / "table.csv")] == ["2"]
    assert "1.png, page 1: unreadable: expected a page that can be read, got an unforeseen ZeroDivisionError" in (
        capsys.readouterr().err
    )
    assert read(tmp_path) == 0
    assert [row["serial"] for row in rows(tmp_path / "table.csv")] == ["1", "2"]


def test_form_read_puts_pages_together_and_tells_a_missing_one(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    save_page(scans / "a.png", 7, page=1, two=True)
    save_page(scans / "b.png", 7, page=0, two=True)
    save_page(scans / "c.png", 8, page=0, two=True)
    form = example() + b"  - title: More\n    fields:\n      - name: more\n        boxes: {at_mm: [25, 60], "
    assert read(tmp_path, form + b"size_mm: [7, 9], pitch_mm: 8, count: 4}\n") == 1
    first, second = rows(tmp_path / "table.csv")
    assert first["pages"] == "b.png:1;a.png:1"
    assert (second["more"], second["more.decision"], second["more.reasons"]) == ("", "review", "missing_page")
    assert rows(tmp_path / "pages.csv")[-1]["state"] == "missing_page"


def test_form_read_keeps_what_made_the_scan(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    path = tmp_path / "scans" / "a.jpg"
    save_page(path, 1)
    tags = Image.Exif()
    tags[271], tags[272] = "Fujitsu", "ScanSnap iX500"
    with Image.open(path) as image:
        image.save(path, exif=tags)
    assert read(tmp_path) == 0
    with open_page_store(f"sqlite:///{tmp_path / 'table.db'}") as store:
        assert [page.scanner for page, _ in store.pages(TEMPLATE.digest)] == ["Fujitsu ScanSnap iX500"]


def test_form_read_goes_on_where_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    save_page(scans / "b.png", 2)
    (scans / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    Image.fromarray(np.full((1200, 850), 255, np.uint8)).save(scans / "back.png")
    assert read(tmp_path) == 1
    first = rows(tmp_path / "table.csv")
    save_page(scans / "a.png", 1)
    (scans / "c.png").write_bytes((scans / "b.png").read_bytes())
    capsys.readouterr()
    assert read(tmp_path) == 1
    printed = capsys.readouterr()
    assert "2 forms of 5 pages" in printed.out
    assert "2 pages read before" in printed.out
    assert "c.png, page 1: duplicate: expected each file once, got the same as b.png" in printed.err
    table = rows(tmp_path / "table.csv")
    assert [row["serial"] for row in table] == ["1", "2"]
    assert table[1:] == first
    assert {row["file"]: row["state"] for row in rows(tmp_path / "pages.csv")} == {
        "a.png": "read", "b.png": "read", "back.png": "blank_page", "broken.pdf": "unreadable", "c.png": "duplicate",
    }  # fmt: skip
    (scans / "b.png").unlink()
    (scans / "c.png").unlink()
    assert read(tmp_path) == 1
    assert [row["serial"] for row in rows(tmp_path / "table.csv")] == ["1"]


def test_form_read_reads_a_page_that_was_put_but_not_read(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    save_page(scans / "a.png", 1)
    reader = FormReader(TEMPLATE, Predictor.load())
    content = (scans / "a.png").read_bytes()
    with PageDecoder() as decoder, open_page_store(f"sqlite:///{tmp_path / 'table.db'}") as store:
        [page] = decoder.decode(content)
        assert isinstance(page, ScannedPage)
        origin = PageOrigin("a.png", hashlib.sha256(content).hexdigest(), datetime.now(UTC))
        store.put_pages([reader.keep(page, origin)[0]])
    assert read(tmp_path) == 0
    [row] = rows(tmp_path / "table.csv")
    assert row["consent.reasons"] != "unread_page"
    assert row["consent"] in ("true", "false")


def test_form_read_reads_a_page_that_a_worker_found_unreadable(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    save_page(scans / "1.png", 1)
    digest = hashlib.sha256((scans / "1.png").read_bytes()).hexdigest()
    origin = PageOrigin("1.png", digest, datetime.now(UTC))
    with open_page_store(f"sqlite:///{tmp_path / 'table.db'}") as store:
        store.put_pages([kept_fault(PageFault(1, "unreadable", "too slow"), origin, TEMPLATE)])
    assert read(tmp_path) == 0
    assert [row["serial"] for row in rows(tmp_path / "table.csv")] == ["1"]


def test_form_read_refuses_a_folder_without_scans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scans").mkdir()
    assert read(tmp_path) == 2
    assert "expected scans (.pdf, .tif, .tiff, .png, .jpg, .jpeg)" in capsys.readouterr().err
    assert not (tmp_path / "table.csv").exists()


def test_form_check_draws_the_boxes_over_a_scan(tmp_path: Path) -> None:
    save_page(tmp_path / "scan.png", 1)
    (tmp_path / "form.yaml").write_bytes(example())
    arguments = ["form", "check", str(tmp_path / "form.yaml"), "--scan", str(tmp_path / "scan.png")]
    assert cli.main([*arguments, "--output", str(tmp_path / "over.png")]) == 0
    with Image.open(tmp_path / "over.png") as drawn:
        colours = np.asarray(drawn.convert("RGB")).reshape(-1, 3)
    green = (colours[:, 1] > 120) & (colours[:, 0] < 60)
    red = (colours[:, 0] > 180) & (colours[:, 1] < 60)
    assert green.sum() > 1000
    assert not red.any()
