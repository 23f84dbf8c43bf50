"""Predicting a manifest: the table, its failed rows, and that it appears only once it is complete."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmdigit.commands.predict import Tally, predict_manifest, predict_one, summary
from mmdigit.files.predictions_csv import PREDICTION_COLUMNS
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import DataError
from schemas.prediction import Answer
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


def write_manifest(folder: Path, rows: Sequence[str]) -> Path:
    (folder / "seven.png").write_bytes(as_bytes(drawn_digit()))
    (folder / "tone.wav").write_bytes(wav(tone()))
    (folder / "broken.png").write_bytes(b"no image")
    path = folder / "pairs.csv"
    path.write_text("id,image,audio,label\n" + "".join(f"{row}\n" for row in rows))
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == PREDICTION_COLUMNS
    return rows


def test_predict_manifest_writes_good_and_bad_rows(tmp_path: Path, predictor: Predictor) -> None:
    manifest = write_manifest(
        tmp_path,
        ["a,seven.png,,7", "b,broken.png,,1", "c,,none.wav,2", "=d,seven.png,tone.wav,", "e,,broken.png,", "f,,,3"],
    )
    errors = io.StringIO()
    tally = predict_manifest(predictor, manifest, tmp_path / "out.csv", errors)
    rows = table(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == ["a", "b", "c", "'=d", "e", "f"]
    assert [row["reasons"] for row in rows if not row["label"]] == [
        "invalid_image",
        "unreadable",
        "invalid_audio",
        "unreadable",
    ]
    assert all(row["decision"] == "review" for row in rows if not row["label"])
    assert rows[0]["label"] == "7"
    assert (rows[0]["audio_label"], rows[3]["image_label"]) == ("", "7")
    assert (tally.rows, tally.failed, tally.labelled, tally.correct) == (6, 4, 1, 1)
    lines = errors.getvalue().splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["line 3 (b)", "line 4 (c)", "line 6 (e)", "f"]


def test_predict_manifest_answers_as_predict_one(tmp_path: Path, predictor: Predictor) -> None:
    manifest = write_manifest(tmp_path, [f"{number},seven.png,tone.wav,7" for number in range(40)])
    predict_manifest(predictor, manifest, tmp_path / "out.csv", io.StringIO())
    alone = predict_one(predictor, tmp_path / "seven.png", tmp_path / "tone.wav")
    for row in table(tmp_path / "out.csv"):
        assert float(row["confidence"]) == pytest.approx(alone.confidence, abs=2e-6)
        assert row["label"] == str(alone.label)


def test_predict_manifest_reads_folders_like_the_producer(tmp_path: Path, predictor: Predictor) -> None:
    write_manifest(tmp_path, [])
    (tmp_path / "in").mkdir()
    (tmp_path / "seven.png").rename(tmp_path / "in" / "A.PNG")
    (tmp_path / "tone.wav").rename(tmp_path / "in" / "A.wav")
    errors = io.StringIO()
    tally = predict_manifest(predictor, tmp_path, tmp_path / "out.csv", errors, recursive=True)
    broken, read = table(tmp_path / "out.csv")
    assert (broken["id"], broken["reasons"]) == ("broken", "invalid_image")
    assert read["id"] == "in/A"
    assert (tally.rows, tally.failed, tally.left_out) == (2, 1, 1)
    assert "left out files of other kinds: pairs.csv" in errors.getvalue()
    assert "mmdigit: broken: " in errors.getvalue()
    assert "left out: 1 file or folder (named on standard error)" in summary(tally, tmp_path / "out.csv")


def test_ids_are_escaped_on_terminals(tmp_path: Path, predictor: Predictor) -> None:
    manifest = write_manifest(tmp_path, ["\x1b]0;owned\x07,seven.png,,7", "=\x1b[2J,gone.png,,"])
    errors = io.StringIO()
    predict_manifest(predictor, manifest, tmp_path / "out.csv", errors)
    assert [row["id"] for row in table(tmp_path / "out.csv")] == [r"\x1b]0;owned\x07", r"'=\x1b[2J"]
    for text in (errors.getvalue(), (tmp_path / "out.csv").read_text(), summary(Tally(1, 0, 0, 0, 0), Path("\x1b"))):
        assert "\x1b" not in text


def test_predict_manifest_keeps_the_old_table_on_interrupt(tmp_path: Path, predictor: Predictor) -> None:
    class Interrupted(Predictor):
        def predict(self, samples: Sequence[ModelInput]) -> list[Answer]:
            raise KeyboardInterrupt

    broken = Interrupted.load()
    output = tmp_path / "out.csv"
    output.write_text("the old one")
    manifest = write_manifest(tmp_path, ["a,seven.png,,7"])
    with pytest.raises(KeyboardInterrupt):
        predict_manifest(broken, manifest, output, io.StringIO())
    assert output.read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir() if "partial" in path.name) == []


def test_predict_manifest_refuses_a_missing_output_folder(tmp_path: Path, predictor: Predictor) -> None:
    manifest = write_manifest(tmp_path, ["a,seven.png,,7"])
    with pytest.raises(DataError, match="check the path"):
        predict_manifest(predictor, manifest, tmp_path / "none" / "out.csv", io.StringIO())


def test_summary_counts_predicted_failed_and_correct_rows() -> None:
    text = summary(Tally(rows=10, failed=2, labelled=4, correct=3, review=1), Path("out.csv"))
    assert text.splitlines() == [
        "8 of 10 rows predicted, 1 of them for review: out.csv",
        "2 rows failed: each label in the table is empty; the reasons are on standard error",
        "accuracy 75.00 % (3 of 4 labelled rows that could be read)",
    ]
    text = summary(Tally(rows=1, failed=1, labelled=0, correct=0, review=0), Path("out.csv"))
    assert text.splitlines() == [
        "0 of 1 row predicted, 0 of them for review: out.csv",
        "1 row failed: its label in the table is empty; the reason is on standard error",
    ]
    assert "accuracy" not in summary(Tally(1, 0, 0, 0, 0), Path("out.csv"))
