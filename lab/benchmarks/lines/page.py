"""docs/results/lines.md from the last results of python -m lab.benchmarks.lines and lab.benchmarks.lines.printed."""

from typing import Any

from lab.kit.machine import machine_line

COLUMNS = "| line | count | lines | right | accepted | wrong among accepted |\n|---|---|---|---|---|---|\n"


def page(result: dict[str, Any], printed: dict[str, Any]) -> str:
    """The whole page."""
    return (
        "# Lines of digits\n\n"
        "How many lines of handwritten digits `mmdigit read-line` reads, digit for digit "
        "([Read a line of digits](../use/lines.md)). A line has 4 to 8 digits of one MNIST writer, whom neither the "
        "model nor the thresholds have seen, set in a row with jitter in height, slant and spacing. *Plain*: "
        "the digits' own strokes on white paper. *Scan*, *photo*: pens, paper, light and camera of "
        "`mmdigit/training/data/photographs.py`. *Touching*: about a quarter of the neighbours, at least one pair, "
        "are pushed together until their strokes overlap by up to 1.5 of the 20 pixels of an MNIST digit's height; "
        "some of those nobody can read. *Known*: the reader is told how many digits there are.\n\n"
        f"{table(result)}\n\n"
        "Intervals are 95 % (Wilson); *at most* is the exact one-sided upper bound (95 %), so that few accepted lines "
        "cannot show a small error. A number is never accepted if digits had to be cut apart, or if its count is "
        "unknown: a one that lies upon a stroke of its neighbour leaves no trace. Most other lines go to review "
        "because the bar is high: by their own confidence, at most one accepted number in a thousand is wrong. "
        f"{result['cpu_ms_a_line']:.0f} ms of CPU a line.\n\n"
        f"Weights `{result['model_version']}`. {machine_line(result['machine'])}. Command: `{result['command']} "
        "--output lab/results/lines.json`; the network and the thresholds are fitted on validation writers by "
        "`python -m lab.benchmarks.lines.fitting --data DIR`, again for every new model.\n\n"
        "## Printed digits\n\n"
        "The same of digits that a printer or a display set: ten fonts, and the seven segments of a calculator or an "
        "electronic meter, plain, scanned and photographed in equal parts. Nothing is fitted to them."
        f"\n\n{table(printed)}\n\n"
        "The wheels of a mechanical meter, where a digit stands between two places, are not measured.\n\n"
        f"Weights `{printed['model_version']}`, {printed['machine']['date']}. "
        f"Command: `{printed['command']} --output lab/results/printed_lines.json`.\n"
    )


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown: each kind of line, then all that stand apart and all that touch."""
    named = [*result["kinds"].items(), *((f"**{name}, all**", each) for name, each in result["groups"].items())]
    rows = [_row(name, counted, each) for name, by_count in named for counted, each in by_count.items()]
    return COLUMNS + "\n".join(rows)


def _row(name: str, counted: str, each: dict[str, Any]) -> str:
    bound = f", at most {100 * each['wrong_accepted_bound_95']:.1f} %" if each["accepted"] else ""
    wrong = f"{each['wrong_accepted']} of {each['accepted']:,}{bound}"
    return (
        f"| {name} | {counted} | {each['lines']:,} | {_share(each, 'right')} | {_share(each, 'accepted')} | {wrong} |"
    )


def _share(each: dict[str, Any], name: str) -> str:
    low, high = (100 * end for end in each[f"{name}_interval_95"])
    return f"{100 * each[name] / max(each['lines'], 1):.1f} % ({low:.1f}-{high:.1f})"
