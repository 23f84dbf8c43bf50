"""Writes the figures of an evaluation as Markdown: the main table and the full report."""

from collections.abc import Sequence
from typing import Any

from mmdigit.reading.decision import HEADS


def main_table(report: dict[str, Any]) -> str:
    """The report's main figures as a Markdown table. Omits parts that the report lacks."""
    lines = ["| what | split | right | figure | 95 % interval |", "|---|---|---|---|---|"]
    for name in HEADS:
        row = report[name]
        low, high = row["interval_95"]
        lines.append(
            f"| {name} | {row['split']} | {row['right']} of {row['total']} | {100 * row['accuracy']:.3f} % "
            f"| {100 * low:.3f}-{100 * high:.3f} % ({row['interval_by']}) |"
        )
    against = report["fused"].get("against", {}).get("sum", {"interval_95": (0, 0)})
    if any(against["interval_95"]):  # otherwise the fused head is that sum
        low, high = against["interval_95"]
        lines.append(
            f"| fused against the calibrated sum of both heads ({100 * against['accuracy']:.4f} %) | of the fused row "
            f"| | {100 * against['fused_gains']:+.4f} points | {100 * low:+.4f} to {100 * high:+.4f} |"
        )
    accepted = report["accepted_pairs"]
    lines.append(
        f"| pairs accepted | of the fused row | | {100 * accepted['coverage']:.2f} % accepted, "
        f"{100 * accepted['error']:.4f} % of them wrong | |"
    )
    for head, shares in report.get("accepted_by_digit", {}).items():
        cells = ", ".join(f"{digit}: {100 * share:.1f} %" for digit, share in enumerate(shares))
        lines.append(f"| {head}: accepted, by digit | of the {head} row | | {cells} | |")
    for head, figures in report.get("calibration", {}).items():
        lines.append(
            f"| {head}: ECE; error among the most confident 99 % | of the {head} row | | {100 * figures['ece']:.3f} %; "
            f"{100 * figures['error_at_99']:.4f} % | |"
        )
    for row in report.get("noise_mean", []):
        lines.append(
            f"| {row['snr_db']} dB of noise not used in training: audio; fused | the same, mean of four kinds | "
            f"| {_percent(row['audio'])}; {_percent(row['fused'])} | {_interval(row['audio'])}; "
            f"{_interval(row['fused'])} |"
        )
    for name, row in report.get("missing", {}).items():
        lines.append(
            f"| {name.replace('_', ' ')}: loss against the other head alone | {row['answer']['split']} | "
            f"| {100 * row['loss_against_specialist']:.2f} points | |"
        )
    conflict = report["conflict"]
    if "at_1_percent" in conflict:
        row = conflict["at_1_percent"]
        low, high = row["interval_95"]
        lines.append(
            f"| conflicts detected at 1 % false alarms | {row['split']} | | {100 * row['detected']:.2f} % "
            f"| {100 * low:.2f}-{100 * high:.2f} % |"
        )
    lines.append(
        f"| conflicts detected by the decision; sent to review | {conflict['split']} | | "
        f"{100 * conflict['detected']:.2f} %; {100 * conflict['reviewed']:.2f} % | "
        f"{_share_interval(conflict.get('detected_interval_95'))} |"
    )
    if "novelty_letters" in report:
        row = report["novelty_letters"]
        interval = "{:.3f}-{:.3f} (DeLong)".format(*row["interval_95"]) if "interval_95" in row else ""
        lines.append(f"| novelty AUROC | {row['split']} ({row['total']}) | | {row['auroc']:.4f} | {interval} |")
    for modality, value in report.get("novelty_mean", {}).items():
        lines.append(f"| novelty AUROC, {modality}: mean of all kinds | see the report | | {value:.4f} | |")
    return "\n".join(lines)


def full_report(report: dict[str, Any], plots: Sequence[str]) -> str:
    """report.md: every section as a table, with its plot where there is one. plots: names of PNG files beside it."""
    sections = [
        f"# Evaluation of {report['model_version']}",
        f"Measured {report['measured_at']} in {report['duration_s']:.0f} s by `mmdigit evaluate --data DIR --output "
        "DIR` from the exported file alone. Every figure names its split; no choice was made on these figures. "
        "Training used other recordings of the same FSDD speakers; unseen speakers need trainings of their own. "
        "A bootstrap interval without width means that there was no error (or that none was avoided).",
        main_table(report),
        "## Fused head against each single head and their calibrated sum",
        "The sum adds the log-probabilities of the two heads, each at its temperature "
        f"({_temperatures(report)}).\n\n" + _fusion_table(report),
        "## Confusion matrices, calibration and risk",
        _plots(plots, "confusion", "reliability", "risk_coverage"),
        _heads_table(report)
        + "\n\nBound: one-sided 95 %, exact (Clopper-Pearson). It assumes independent answers; fused answers share "
        "images and clips, so their bound is too low.",
        "## Speakers",
        _plots(plots, "speakers"),
        _rows(
            ("speaker", "audio", "95 %", "fused, with all images", "95 %"),
            [
                (
                    row["speaker"],
                    _percent(row["audio"]),
                    _interval(row["audio"]),
                    _percent(row["fused"], 3),
                    _interval(row["fused"], 3),
                )
                for row in report["speakers"]
            ],
        ),
        "## Noise that training does not use",
        "RMS of the clip to RMS of the noise, which begins 0.25 s before the clip and ends 0.25 s after it.",
        _plots(plots, "noise"),
        _noise_table(report),
        "## Missing or conflicting modality",
        _plots(plots, "conflicts"),
        _missing_table(report),
        "## Inputs that are not digits",
        _plots(plots, "novelty"),
        _novelty_table(report),
        "## Corrupted images",
        "Each digit is drawn on a crop of 120x120 pixels, corrupted, saved as PNG and decoded like a job's image.",
        _plots(plots, "corrupted"),
        _corrupted_table(report),
        "## Hardest images and clips",
        _plots(plots, "hardest_images", "hardest_clips"),
        _hardest_table(report),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _fusion_table(report: dict[str, Any]) -> str:
    splits = [("official", report["fused"])]
    splits += [(f"noise, {row['snr_db']} dB, {row['kind']}", row["fused"]) for row in report["noise"]["rows"]]
    splits += [
        (f"{row['kind']} {row['strength']:g} {row['unit']}" if row["strength"] else row["unit"], row["fused"])
        for row in report["corrupted"]["rows"]
    ]
    return _rows(
        ("pairs", "fused", "image", "audio", "sum", "fused - best head", "fused - sum", "95 %"),
        [
            (
                name,
                _percent(row, 3),
                *(f"{100 * row['against'][baseline]['accuracy']:.3f} %" for baseline in ("image", "audio", "sum")),
                f"{100 * min(row['against'][head]['fused_gains'] for head in ('image', 'audio')):+.3f}",
                f"{100 * row['against']['sum']['fused_gains']:+.3f}",
                "{:+.3f} to {:+.3f}".format(*(100 * end for end in row["against"]["sum"]["interval_95"])),
            )
            for name, row in splits
        ],
    )


def _heads_table(report: dict[str, Any]) -> str:
    return _rows(
        (
            "head",
            "split",
            "ECE",
            "ECE uncalibrated",
            "error at 99 %",
            "accepted",
            "wrong among them",
            "bound",
            "reasons",
        ),
        [
            (
                head,
                part["split"],
                f"{100 * part['ece']:.3f} %",
                f"{100 * part['ece_uncalibrated']:.3f} %",
                f"{100 * part['error_at_99']:.4f} %",
                f"{100 * part['decision']['coverage']:.2f} %",
                f"{100 * part['decision']['error']:.4f} %",
                f"{100 * part['decision']['error_bound_95']:.4f} %",
                ", ".join(f"{reason} {count}" for reason, count in part["decision"]["reasons"].items()) or "none",
            )
            for head, part in report["heads"].items()
        ],
    )


def _noise_table(report: dict[str, Any]) -> str:
    return _rows(
        ("kind", "SNR in dB", "audio", "95 %", "fused, clean images", "95 %"),
        [
            (
                row["kind"],
                str(row["snr_db"]),
                _percent(row["audio"]),
                _interval(row["audio"]),
                _percent(row["fused"], 3),
                _interval(row["fused"], 3),
            )
            for row in report["noise"]["rows"]
        ],
    )


def _missing_table(report: dict[str, Any]) -> str:
    rows = [
        (
            row["answer"]["split"],
            _percent(row["answer"]),
            _interval(row["answer"]),
            f"loses {100 * row['loss_against_specialist']:.2f} points against the head alone; the fused head with one "
            f"modality hidden would lose {100 * row['fused_head_loses']:.2f}",
        )
        for row in report["missing"].values()
    ]
    conflict = report["conflict"]
    for name, note in (("detected", "reported as a conflict"), ("reviewed", "sent to review for any reason")):
        interval = _share_interval(conflict[f"{name}_interval_95"])
        rows.append((conflict["split"], f"{100 * conflict[name]:.2f} %", interval, f"shipped decision: {note}"))
    row = conflict["at_1_percent"]
    interval = _share_interval(row["interval_95"])
    rows.append((row["split"], f"{100 * row['detected']:.2f} %", interval, "detected at 1 % false alarms"))
    return _rows(("split", "figure", "95 %", "what"), rows)


def _novelty_table(report: dict[str, Any]) -> str:
    skipped = report["not_digits"]["skipped"]
    note = f"\n\nSkipped, because the data or the program that makes them is missing: {', '.join(skipped)}."
    return _rows(
        ("for", "split", "samples", "AUROC", "95 %", "detected by the decision", "95 %"),
        [
            (
                row["modality"],
                row["split"],
                str(row["total"]),
                f"{row['auroc']:.4f}",
                "{:.3f}-{:.3f}".format(*row["interval_95"]),
                f"{100 * row['found']:.1f} %",
                _share_interval(row["found_interval_95"]),
            )
            for row in report["not_digits"]["rows"]
        ],
    ) + (note if skipped else "")


def _corrupted_table(report: dict[str, Any]) -> str:
    return _rows(
        ("corruption", "strength", "image", "95 %", "fused, clean clips", "95 %"),
        [
            (
                row["kind"],
                f"{row['strength']:g} {row['unit']}" if row["strength"] else row["unit"],
                _percent(row["image"]),
                _interval(row["image"]),
                _percent(row["fused"], 3),
                _interval(row["fused"], 3),
            )
            for row in report["corrupted"]["rows"]
        ],
    )


def _hardest_table(report: dict[str, Any]) -> str:
    wrong = [
        ("image", f"MNIST test {row['index']}", row["label"], row["answer"], row["confidence"], row["decision"])
        for row in report["wrong_images"]
    ] + [
        ("audio", row["clip"], row["label"], row["answer"], row["confidence"], row["decision"])
        for row in report["wrong_clips"]
    ]
    wrong += [
        ("fused", f"MNIST test {row['image']} with {row['clip']}", row["label"], row["answer"], "", "")
        for row in report["wrong_pairs"]
    ]
    heads = ("head", "which", "label", "answer", "confidence", "decision")
    return _rows(heads, [tuple(str(cell) for cell in row) for row in wrong]) if wrong else "No answer is wrong."


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(row: dict[str, Any], digits: int = 2) -> str:
    """The accuracy in percent, with more digits where fewer would round it up to 100 %."""
    while row["accuracy"] < 1 and digits < 6 and f"{100 * row['accuracy']:.{digits}f}".startswith("100"):
        digits += 1
    return f"{100 * row['accuracy']:.{digits}f} %"


def _interval(row: dict[str, Any], digits: int = 2) -> str:
    return _share_interval(row["interval_95"], digits)


def _share_interval(ends: Sequence[float] | None, digits: int = 2) -> str:
    return "" if ends is None else f"{100 * ends[0]:.{digits}f}-{100 * ends[1]:.{digits}f} %"


def _temperatures(report: dict[str, Any]) -> str:
    return ", ".join(f"{head} {report['temperature'][head]:.3g}" for head in ("image", "audio"))


def _plots(plots: Sequence[str], *wanted: str) -> str:
    return "\n\n".join(f"![{name.replace('_', ' ')}]({name}.png)" for name in wanted if f"{name}.png" in plots)
