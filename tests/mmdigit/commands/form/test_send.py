"""`mmdigit form send` on a SQLite queue: what it sends, prints and resumes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdigit import cli
from mmdigit.forms.printing.pdf import print_form
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.reading.audio.normalize import read_recording
from mmdigit.reading.audio.wav_writing import wav_of
from mmdigit.transport.urls import open_consumer
from schemas.wire import decode_page
from tests.mmdigit.forms.written import SPOKEN, SPOKEN_FORM, TEMPLATE


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


def test_form_send_sends_recordings_with_their_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("scans", "recordings"):
        (tmp_path / name).mkdir()
    (tmp_path / "form.yaml").write_bytes(SPOKEN_FORM)
    (tmp_path / "scans" / "a.pdf").write_bytes(print_form(SPOKEN, 3, 7))
    Image.new("L", (1200, 1700), 255).save(tmp_path / "scans" / "back.png")
    for name, content in (("7.member", spoken_wav("4711")), ("7.consent", b"x"), ("7", b"no sound"), ("70", b"x")):
        (tmp_path / "recordings" / f"{name}.wav").write_bytes(content)
    long = wav_of(np.zeros(55 * 8000, np.float32))
    for name in ("8.member", "8.born"):
        (tmp_path / "recordings" / f"{name}.wav").write_bytes(long)
    os.mkfifo(tmp_path / "recordings" / "9.amount.wav")
    topic = f"sqlite:///{tmp_path / 'queue.db'}?topic=pages"
    command = [
        *("form", "send", str(tmp_path / "scans"), "--to", topic, "--journal-dir", str(tmp_path / "journal")),
        *("--template", str(tmp_path / "form.yaml"), "--recordings", str(tmp_path / "recordings")),
    ]
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert "a.pdf, page 2: not sent: expected at most 32 recordings of 1572864 bytes together with a page" in said
    assert "a.pdf, page 3: not sent: expected a recording at" in said
    (tmp_path / "recordings" / "8.born.wav").unlink()
    (tmp_path / "recordings" / "9.amount.wav").unlink()
    assert cli.main(command) == 0
    with open_consumer(topic, group="test") as consumer:
        pages = [decode_page(record.value) for record in consumer.poll(100, 0.1)]
    sent = {(page.file_name, page.number): page.recordings for page in pages}
    assert sent.keys() == {("a.pdf", 1), ("a.pdf", 2), ("a.pdf", 3), ("back.png", 1)}
    first = sent["a.pdf", 1]
    assert first is not None
    assert (set(first), first["*"]) == ({"member", "*"}, b"")
    np.testing.assert_allclose(
        read_recording(first["member"]), read_recording(wav_of(read_recording(spoken_wav("4711")))), atol=1e-4
    )
    assert set(sent["a.pdf", 2] or ()) == {"member"}
    assert sent["a.pdf", 3] is sent["back.png", 1] is None


def test_form_send_needs_the_template_of_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["form", "send", str(tmp_path), "--to", f"sqlite:///{tmp_path / 'q.db'}", "--recordings", str(tmp_path)]
    assert cli.main(command) == 2
    assert "expected --recordings and --template together, got one of them" in capsys.readouterr().err
