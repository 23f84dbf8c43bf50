"""CPU time and memory of any process and its children, from Linux's /proc."""

import os
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Indexes in /proc/PID/stat after the name in brackets, which may hold spaces and brackets itself.
# Source: proc_pid_stat(5), whose field 3 is index 0.
_PARENT, _USER_TICKS, _SYSTEM_TICKS, _DEAD_USER_TICKS, _DEAD_SYSTEM_TICKS = 1, 11, 12, 13, 14


class Usage(NamedTuple):
    """What processes have used. cpu_s: user and system; rss_mb: now; peak_rss_mb: the highest so far (10^6 bytes)."""

    cpu_s: float
    rss_mb: float
    peak_rss_mb: float


def usage(pid: int) -> Usage:
    """Of the process and its descendants, including those that ended and were waited for; zero if it is gone.

    Memory is summed over processes; a shared page counts once for each.
    """
    stats = _stats()
    cpu_s = rss_mb = peak_mb = 0.0
    for member in _family(pid, stats):
        fields = stats[member]
        ticks = (_USER_TICKS, _SYSTEM_TICKS, _DEAD_USER_TICKS, _DEAD_SYSTEM_TICKS)
        cpu_s += sum(int(fields[endpoints]) for endpoints in ticks) / _TICKS_PER_S
        status = _read(_PROC / str(member) / "status")
        rss_mb += _megabytes(status, "VmRSS")
        peak_mb += _megabytes(status, "VmHWM")
    return Usage(cpu_s, rss_mb, peak_mb)


def family(pid: int) -> list[int]:
    """The process and its descendants, parents first; empty if it is gone."""
    return _family(pid, _stats())


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat after the name, by process."""
    stats = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (text := _read(folder / "stat")):
            stats[int(folder.name)] = text.rpartition(")")[2].split()
    return stats


def _megabytes(status: str, name: str) -> float:
    """A size in /proc/PID/status, in 10^6 bytes; 0 if it is missing, as in a process that has just ended."""
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / 1e6
    return 0.0


def _family(pid: int, stats: dict[int, list[str]]) -> list[int]:
    """As family, of the processes with these stats."""
    parents = {number: int(fields[_PARENT]) for number, fields in stats.items()}
    found = [pid] if pid in parents else []
    for member in found:  # the loop extends the list
        found += [child for child, parent in parents.items() if parent == member]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # the process has ended
        return ""
