"""`mmdigit form send` on a SQLite queue: what it sends, prints and resumes."""

from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.forms.printing.pdf import print_form
from mmdigit.transport.urls import open_consumer
from schemas.wire import decode_page
from tests.mmdigit.forms.written import TEMPLATE


def test_form_send_fills_a_topic_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.pdf").write_bytes(print_form(TEMPLATE, 2))
    (tmp_path / "scans" / "b.tif").write_bytes(b"no scan")
    topic = f"sqlite:///{tmp_path / 'queue.db'}?topic=pages"
    command = ["form", "send", str(tmp_path / "scans"), "--to", topic, "--journal-dir", str(tmp_path / "journal")]
    assert cli.main(command) == 1
    said = capsys.readouterr()
    assert said.out == "2 pages of 2 files sent and acknowledged\n1 page or file not sent; see standard error\n"
    assert "mmdigit: b.tif, page 1: not sent: expected a PDF, TIFF, PNG or JPEG file" in said.err
    (tmp_path / "scans" / "b.tif").unlink()
    assert cli.main(command) == 0
    assert capsys.readouterr().out == (
        "0 pages of 1 file sent and acknowledged\n1 page or file sent before; --resend sends all again\n"
    )
    assert cli.main([*command, "--resend"]) == 0
    with open_consumer(topic, group="test") as consumer:
        pages = [decode_page(record.value) for record in consumer.poll(100, 0.1)]
    assert [(page.file_name, page.number) for page in pages] == [("a.pdf", 1), ("a.pdf", 2)] * 2
    assert len({page.file_sha256 for page in pages}) == 1


def test_form_send_refuses_a_password_in_its_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["form", "send", "s3://key:secret@bucket/scans", "--to", "sqlite:///q.db"]) == 2
    assert "secret" not in capsys.readouterr().err.replace("no secret", "")
