"""CPU time and memory of any process and its children, read from Linux's /proc: needs nothing of the program."""

import os
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Places in /proc/PID/stat after the name in brackets, which may itself hold spaces and brackets.
# Source: proc_pid_stat(5); field 3 there is 0 here.
_PARENT, _USER_TICKS, _SYSTEM_TICKS, _DEAD_USER_TICKS, _DEAD_SYSTEM_TICKS = 1, 11, 12, 13, 14


class Usage(NamedTuple):
    """What processes have used so far. cpu_s: user and system; rss_mb: now; peak_rss_mb: the most ever (10^6 bytes)."""

    cpu_s: float
    rss_mb: float
    peak_rss_mb: float


def usage(pid: int) -> Usage:
    """Of the process and all its descendants, ended ones that were waited for included; all zero if it is gone.

    Memory is summed over the processes, pages that they share counted once for each.
    """
    stats = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (text := _read(folder / "stat")):
            stats[int(folder.name)] = fields_of_stat(text)
    cpu_s = rss_mb = peak_mb = 0.0
    for member in _family(pid, {number: int(fields[_PARENT]) for number, fields in stats.items()}):
        fields = stats[member]
        ticks = (_USER_TICKS, _SYSTEM_TICKS, _DEAD_USER_TICKS, _DEAD_SYSTEM_TICKS)
        cpu_s += sum(int(fields[place]) for place in ticks) / _TICKS_PER_S
        status = _read(_PROC / str(member) / "status")
        rss_mb += megabytes(status, "VmRSS")
        peak_mb += megabytes(status, "VmHWM")
    return Usage(cpu_s, rss_mb, peak_mb)


def fields_of_stat(text: str) -> list[str]:
    """The fields of one /proc/PID/stat after the process's name."""
    return text.rpartition(")")[2].split()


def megabytes(status: str, name: str) -> float:
    """One size of a /proc/PID/status in 10^6 bytes; 0 if it is not there, as in a process that has just ended."""
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / 1e6
    return 0.0


def _family(pid: int, parents: dict[int, int]) -> list[int]:
    """The process, if it is there, and its descendants."""
    family = [pid] if pid in parents else []
    for member in family:  # grows as it goes
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return ""
