"""A process with another clock: its wall clock jumps, its monotonic one and its sleeps do not."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.faults.host_faults import no_compiler, with_clock

SEEN = """
import time, datetime
before = time.monotonic()
time.sleep(0.05)
print(time.time(), datetime.datetime.now().timestamp(), time.monotonic() - before)
"""


@pytest.mark.skipif(bool(no_compiler()), reason=no_compiler())
@pytest.mark.parametrize("off_s", [0, 86_400, -86_400])
def test_only_the_wall_clock_is_off(tmp_path: Path, off_s: int) -> None:
    launcher = with_clock(tmp_path)
    (tmp_path / "clock").write_text(str(off_s))
    done = subprocess.run(
        [*launcher, sys.executable, "-c", SEEN], capture_output=True, text=True, check=True, timeout=15
    )
    wall_s, date_s, slept_s = map(float, done.stdout.split())
    assert wall_s == pytest.approx(time.time() + off_s, abs=15)
    assert date_s == pytest.approx(wall_s, abs=1)
    assert 0.05 <= slept_s < 5
