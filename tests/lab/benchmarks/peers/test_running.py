"""Each peer runs with both decodings, in an environment of its own."""

from pathlib import Path

import pytest

from lab.benchmarks.peers import running
from lab.benchmarks.peers.running import PROGRAMS, Program
from lab.kit.stack import Endpoints
from schemas.errors import SettingsError

ENDPOINTS = Endpoints("127.0.0.1:1", "jobs", "redis://127.0.0.1:1/0", 8)
MODULES = Path(running.__file__).parent
BATCH_PEERS = {each.framework for each in PROGRAMS if each.in_batches} - {"worker"}


@pytest.mark.parametrize("framework", sorted(BATCH_PEERS))
def test_each_batch_peer_has_both_decodings_and_pins(framework: str) -> None:
    assert [each.decoding for each in PROGRAMS if each.framework == framework] == ["ours", "own"]
    assert (MODULES / f"{framework}.py").exists()
    assert (MODULES / "requirements" / f"{framework}.txt").exists()


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ENVIRONMENTS", tmp_path)
    with (
        pytest.raises(SettingsError, match=r"expected the environment of bytewax at .*run make peers"),
        running.running(Program("bytewax", "ours"), ENDPOINTS, tmp_path, None),
    ):
        pass
