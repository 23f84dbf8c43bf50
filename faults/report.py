"""The report of a run: the table, and docs/faults.md made from it."""

import statistics
from typing import Any

from benchmarks.machine import machine_line

_HEAD = ("fault", "times", "jobs", "lost", "wrong", "duplicates", "recovery s, median", "worst")


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One row of the table, as text."""
    if row["skipped"]:
        return (row["name"], "0", "", "", "", "", f"skipped: {row['skipped']}", "")
    recoveries_s = row["recoveries_s"]
    times = (f"{statistics.median(recoveries_s):.1f}", f"{max(recoveries_s):.1f}") if recoveries_s else ("-", "-")
    counts = (row["times"], row["jobs"], row["lost"], row["wrong"], row["duplicates"])
    return (row["name"], *map(str, counts), *times)


def table(result: dict[str, Any]) -> str:
    """For a terminal."""
    rows = [_HEAD, *(cells(row) for row in result["faults"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        machine_line(result["machine"]),
        f"{result['source']}; seed {result['seed']}",
        *(
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ),
        *_broken(result),
    ]
    return "\n".join(lines)


def _broken(result: dict[str, Any]) -> list[str]:
    return [f"{row['name']}: {problem}" for row in result["faults"] for problem in row["problems"]]
