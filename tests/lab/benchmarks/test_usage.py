"""CPU time and memory out of /proc."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.usage import fields_of_stat, megabytes, usage

STATUS = "Name:\tpython\nVmHWM:\t  204800 kB\nVmRSS:\t    1000 kB\nThreads:\t3\n"

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


def test_a_name_with_brackets_and_spaces_moves_no_field() -> None:
    assert fields_of_stat("42 (a) S (b c) R 7 42") == ["R", "7", "42"]


def test_sizes_are_millions_of_bytes() -> None:
    assert megabytes(STATUS, "VmHWM") == pytest.approx(209.7152)
    assert megabytes(STATUS, "VmRSS") == pytest.approx(1.024)
    assert megabytes("Name:\tended\n", "VmRSS") == 0.0


@needs_proc
def test_this_process_uses_something() -> None:
    found = usage(os.getpid())
    assert found.cpu_s > 0
    assert 0 < found.rss_mb <= found.peak_rss_mb


@needs_proc
def test_children_count() -> None:
    script = "import sys; kept = bytearray(50_000_000); print('here', flush=True); sys.stdin.read()"
    shell = ["sh", "-c", f'{sys.executable} -c "{script}"; true']  # the shell stays, as the parent
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"here\n"
        assert usage(parent.pid).rss_mb > 50
        parent.communicate()
    assert usage(parent.pid) == (0, 0, 0)
