"""What a call sends: jobs, files and the token."""

import json
from pathlib import Path

import pytest

from mmdigit.client.requests import find_token, opened, opened_batch, segment, size_of, submission
from schemas.api import JobSubmission
from schemas.errors import DataError, SettingsError
from schemas.job import MAX_IMAGE_BYTES


def test_submission_reads_paths_and_takes_bytes(tmp_path: Path) -> None:
    (tmp_path / "4.png").write_bytes(b"image")
    made = submission(tmp_path / "4.png", b"audio", group="g", expected=4)
    assert made == JobSubmission(image=b"image", audio=b"audio", group="g", expected=4)
    assert submission(str(tmp_path / "4.png")).image == b"image"


def test_submission_without_content_is_refused() -> None:
    with pytest.raises(ValueError, match="expected image, audio or both, got neither"):
        submission(group="g")


def test_wrong_fields_of_a_submission_are_named() -> None:
    with pytest.raises(ValueError, match="expected a job, got expected: Input should be less than or equal to 9"):
        submission(b"image", expected=10)


def test_submission_of_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match="image: expected the content of a file, got 0 bytes"):
        submission(b"", b"audio")
    with pytest.raises(ValueError, match=r"empty\.png: expected the content of a file, got 0 bytes"):
        submission(tmp_path / "empty.png")


def test_batch_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "4.png").write_bytes(b"image")
    with pytest.raises(DataError, match=r"expected a batch as .zip, .jsonl or .ndjson, got .*4\.png"):
        opened_batch(tmp_path / "4.png").__enter__()
    with pytest.raises(TypeError, match=r"expected jobs of submission\(\.\.\.\), got a dict"):
        opened_batch([{}]).__enter__()  # type: ignore[list-item]


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(MAX_IMAGE_BYTES + 1))
    for name, reason in (("none.png", "No such file"), (".", "it is a folder"), ("large", "it is larger than")):
        with pytest.raises(DataError, match=reason):
            submission(tmp_path / name)
    with pytest.raises(DataError, match="No such file"), opened(tmp_path / "none.zip"):
        pass


def test_batch_of_jobs_is_json_lines() -> None:
    with opened_batch(submission(bytes([n]), job_id=f"a-{n}") for n in range(3)) as (file, kind):
        assert kind == "application/x-ndjson"
        assert size_of(file) == len(file.read())
        size_of(file)  # back at the beginning: it can be sent again
        lines = [json.loads(line) for line in file.read().splitlines()]
    assert [line["job_id"] for line in lines] == ["a-0", "a-1", "a-2"]
    assert set(lines[0]) == {"image", "job_id"}


@pytest.mark.parametrize(
    ("name", "kind"), [("a.ZIP", "application/zip"), ("a.jsonl", "application/x-ndjson"), ("a", "application/x-ndjson")]
)
def test_batch_of_a_file_has_its_media_type(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"content")
    with opened_batch(tmp_path / name) as (file, found):
        assert (file.read(), found) == (b"content", kind)


def test_segments_of_paths_are_quoted() -> None:
    assert segment("../a b?#%:") == "..%2Fa%20b%3F%23%25%3A"


def test_token_comes_from_argument_file_or_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MMDIGIT_TOKEN", "MMDIGIT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert find_token(None) is None
    monkeypatch.setenv("MMDIGIT_TOKEN", "variable")
    assert find_token(None) == "variable"
    (tmp_path / "token").write_text("file\n")
    monkeypatch.setenv("MMDIGIT_TOKEN_FILE", str(tmp_path / "token"))
    assert find_token(None) == "file"
    assert find_token("argument") == "argument"


@pytest.mark.parametrize("token", ["", "a b", "a\nX-Evil: 1", "é"])
def test_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match="expected a token") as raised:
        find_token(token)
    assert "Evil" not in str(raised.value)
