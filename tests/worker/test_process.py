"""The start of a worker: the target error and the model that it logs."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from mmdigit.reading.decision import OperatingPoint, same_for_all_digits
from schemas import VERSION
from worker.process import log_target_error


@pytest.mark.parametrize(
    ("audio", "level", "not_shown", "words"),
    [
        (OperatingPoint(same_for_all_digits(0.8), 0.0009, True), logging.INFO, [], "data show"),
        (OperatingPoint(same_for_all_digits(0.99), 0.01, False), logging.WARNING, ["audio"], "do not show"),
        (OperatingPoint(same_for_all_digits(0.5), None, False), logging.WARNING, ["audio"], "fixed thresholds"),
    ],
)
def test_log_target_error_names_heads_that_miss_it(
    audio: OperatingPoint, level: int, not_shown: list[str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker")
    log_target_error(0.001, {"image": OperatingPoint(same_for_all_digits(0.9), 0.0004, True), "audio": audio})
    [record] = caplog.records
    said = vars(record)
    assert words in record.getMessage()
    assert (record.levelno, said["target_error"], said["not_shown"]) == (level, 0.001, not_shown)
    assert said["error_bounds"] == {"image": 0.0004, "audio": audio.bound}
    assert said["accepted_from"] == {"image": "0.9", "audio": audio.describe()}
    photographs = OperatingPoint(same_for_all_digits(0.7), 0.005, False)
    log_target_error(0.001, {"image": audio, "photographs": photographs})
    assert "photographs" in vars(caplog.records[-1])["not_shown"]


def test_start_logs_the_target_error_and_the_model(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from tests.mmdigit.small_model import generation_2, save

    weights, url = save(tmp_path / "m.onnx", generation_2()), f"sqlite:///{tmp_path / 'queue.db'}"
    command = [sys.executable, "-m", "worker", "--from", url, "--store", url, "--weights", str(weights)]
    options = ["--target-error", "0.0004", "--metrics-port", "0", "--exit-when-idle-s", "0.1", "--json-logs"]
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    [said] = [line for line in lines if "target_error" in line]
    assert (said["target_error"], said["not_shown"]) == (0.0004, ["audio"])
    assert said["accepted_from"] == {"image": "0.99", "audio": "0.999", "fused": "0.99"}
    [ready] = [line for line in lines if "model" in line]
    assert (ready["model"], ready["version"]) == ("mmdigit-2-00000000", VERSION)
