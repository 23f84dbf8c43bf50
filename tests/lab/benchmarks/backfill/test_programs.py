"""Predictions are read from parts; Ray Data needs its own environment; on real services both resume after a kill."""

from pathlib import Path

import pytest

from lab.benchmarks.backfill import programs
from lab.benchmarks.backfill.__main__ import prepared, timed
from lab.benchmarks.backfill.killing import Resumed, kill_midway
from lab.benchmarks.backfill.programs import Backfill, RayData, Workers, read_parts, services, started_s
from lab.benchmarks.peers.running import ENVIRONMENTS
from lab.kit.answers import Answers, LabelAndConfidence
from lab.kit.records import read_samples
from schemas.errors import SettingsError, TransportError

PAIRS = 4_000
NEEDS_RAY = pytest.mark.skipif(
    not (ENVIRONMENTS / "ray" / "bin" / "python").exists(), reason="no environment of Ray: run make peers"
)


def test_parts_are_one_table(tmp_path: Path) -> None:
    parts = {"1": "id,label,confidence\na,7,0.5\nb,1,0.25\n", "2": '"id","label","confidence"\n"a","3","1"\n', "3": ""}
    for name, text in parts.items():
        (tmp_path / name).write_text(text)
    table = read_parts(sorted(tmp_path.iterdir()))
    assert table.answers == {"a": LabelAndConfidence(3, 1.0), "b": LabelAndConfidence(1, 0.25)}
    assert table.repeated == 1


def test_rays_own_start_is_read_from_its_log() -> None:
    assert started_s("x\nstarted its cluster in 31.500 s\ny\nstarted its cluster in 4.250 s\n") == 4.25
    with pytest.raises(TransportError, match="got no such line"):
        started_s("Traceback")


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ENVIRONMENTS", tmp_path)
    with pytest.raises(SettingsError, match=r"expected the environment of Ray at .*run make peers"):
        RayData(tmp_path / "pairs.csv", tmp_path, checkpoints=False)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answers]:
    return prepared(read_samples(None, PAIRS), PAIRS, tmp_path_factory.mktemp("pairs"))


def killed(backfill: Backfill, expected: Answers) -> Resumed:
    try:
        return kill_midway(backfill, expected)
    finally:
        backfill.close()


@pytest.mark.docker
def test_killed_workers_redo_what_was_not_committed(pairs: tuple[Path, Answers], tmp_path: Path) -> None:
    manifest, expected = pairs
    with services() as stack:
        resumed = killed(Workers(stack, manifest, tmp_path, counted=True), expected)
    assert resumed.predicted_before >= PAIRS // 2
    assert (resumed.wrong, resumed.repeated_rows) == (0, 0)
    assert resumed.redone < PAIRS // 10


@NEEDS_RAY
def test_ray_data_predicts_the_same(pairs: tuple[Path, Answers], tmp_path: Path) -> None:
    manifest, expected = pairs
    run = timed(RayData(manifest, tmp_path, checkpoints=False), expected)
    assert 0 < run.starting_s < run.seconds


@NEEDS_RAY
def test_ray_data_redoes_all(pairs: tuple[Path, Answers], tmp_path: Path) -> None:
    manifest, expected = pairs
    resumed = killed(RayData(manifest, tmp_path, checkpoints=False, counted=True), expected)
    assert resumed.redone == resumed.predicted_before
    assert resumed.wrong == 0


@NEEDS_RAY
def test_ray_data_with_checkpoints_redoes_blocks(pairs: tuple[Path, Answers], tmp_path: Path) -> None:
    manifest, expected = pairs
    resumed = killed(RayData(manifest, tmp_path, checkpoints=True, counted=True), expected)
    assert resumed.redone <= resumed.predicted_before
    assert (resumed.wrong, resumed.repeated_rows) == (0, 0)


@NEEDS_RAY
def test_a_failing_ray_program_is_an_error(tmp_path: Path) -> None:
    backfill = RayData(tmp_path / "absent.csv", tmp_path, checkpoints=False)
    try:
        backfill.start()
        with pytest.raises(TransportError, match=r"expected exit code 0, got 1; its last line: .*absent"):
            backfill.wait()
    finally:
        backfill.close()
