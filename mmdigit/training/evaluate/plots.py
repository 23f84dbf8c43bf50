"""Draws the plots of an evaluation as PNG files. Colours: Okabe and Ito 2008, safe for the colour-blind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ, Waveform, speech_window
from mmdigit.reading.decision import HEADS
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.measures import wilson

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#777777"),
)
COLOURS = {"image": BLUE, "audio": ORANGE, "fused": GREEN, "sum": PURPLE}
DPI = 110
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "figure.titlesize": 12,
}
N_HARDEST_IMAGES = 24
N_HARDEST_CLIPS = 8
N_FFT, HOP, N_MELS = 256, 160, 40  # as in the model: 32 ms every 20 ms, 40 bands from 60 to 4000 Hz


def draw_all(report: dict[str, Any], digits: Digits, clips: Sequence[Clip], folder: Path) -> list[str]:
    """Draw every plot into the folder. digits, clips: the official test split. Returns the names of the files."""
    plots: dict[str, Callable[[], Figure]] = {
        "confusion": lambda: confusion(report),
        "reliability": lambda: reliability(report),
        "risk_coverage": lambda: risk_coverage(report),
        "speakers": lambda: speakers(report),
        "noise": lambda: noise(report),
        "conflicts": lambda: conflicts(report),
        "novelty": lambda: novelty(report),
        "corrupted": lambda: corrupted(report),
        "hardest_images": lambda: hardest_images(report, digits),
        "hardest_clips": lambda: hardest_clips(report, clips),
    }
    names = []
    with mpl.rc_context(STYLE):
        for name, draw in plots.items():
            figure = draw()
            figure.text(0.005, 0.995, report["model_version"], ha="left", va="top", fontsize=7, color=GREY)
            figure.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})
            names.append(f"{name}.png")
    return names


def confusion(report: dict[str, Any]) -> Figure:
    """A confusion matrix of each head: rows = digit, columns = answer; the numbers are counts, errors in colour."""
    figure, panels = _panels("Confusions on the official test split (counts of answers)", 3, (12, 4.6))
    for panel, head in zip(panels, HEADS, strict=True):
        counts = np.array(report["heads"][head]["confusion"])
        wrong = counts * (1 - np.eye(10, dtype=np.int64))
        panel.imshow(np.ma.masked_equal(wrong, 0), cmap="Oranges", vmin=-1, vmax=max(5, int(wrong.max())) * 1.4)
        for row, column in np.argwhere(counts > 0):
            right = row == column
            size = 6.5 if counts[row, column] >= 1000 else 8
            panel.text(
                column, row, str(counts[row, column]), ha="center", va="center", fontsize=size,
                color=GREY if right else "black",
            )  # fmt: skip
        panel.set(xticks=range(10), yticks=range(10), xlabel="answer", ylabel="digit" if head == "image" else "")
        panel.set_title(f"{head}: {wrong.sum()} of {counts.sum():,} wrong")
        panel.grid(False)
    return figure


def reliability(report: dict[str, Any]) -> Figure:
    """Accuracy of the answers in each bin of confidence; the diagonal is calibrated."""
    figure, panels = _panels("Reliability on the official test split", 3, (12, 4.4))
    for panel, head in zip(panels, HEADS, strict=True):
        part = report["heads"][head]
        rows = part["reliability"]
        panel.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="calibrated")
        total = sum(row["total"] for row in rows)
        across, up = np.array([row["confidence"] for row in rows]), np.array([row["accuracy"] for row in rows])
        ends = np.array([wilson(round(row["accuracy"] * row["total"]), int(row["total"])) for row in rows])
        panel.errorbar(
            across, up, yerr=np.abs(ends.T - up).clip(0), color=COLOURS[head], linestyle="none", elinewidth=1.2,
            label="95 % interval",
        )  # fmt: skip
        sizes = [14 + 240 * np.sqrt(row["total"] / total) for row in rows]
        panel.scatter(across, up, s=sizes, color=COLOURS[head], alpha=0.75, label="answers (area: how many)")
        panel.set(xlim=(-0.03, 1.06), ylim=(-0.05, 1.09), xlabel="confidence", ylabel="accuracy")
        panel.set_title(f"{head}: ECE {100 * part['ece']:.3f} %, {total:,} answers")
    panels[1].legend(loc="lower left", markerscale=0.4, fontsize=9)
    return figure


def risk_coverage(report: dict[str, Any]) -> Figure:
    """Error among the accepted against the share sent to review, with its bound; both on a logarithmic scale."""
    figure, panels = _panels("Error among the accepted, by the share sent to review; official test split", 3, (12, 4.4))
    min_error, min_review = 1e-4, 1e-3  # percent; smaller values are drawn here, as "none"
    for panel, head in zip(panels, HEADS, strict=True):
        rows = [row for row in report["heads"][head]["risk"] if row["coverage"] > 0]
        decision = report["heads"][head]["decision"]
        reviewed = [max(100 * (1 - row["coverage"]), min_review) for row in rows]
        errors = [max(100 * row["error"], min_error) for row in rows]
        panel.plot(reviewed, errors, color=COLOURS[head], marker="o", markersize=4, label="error")
        panel.plot(
            reviewed, [100 * row["bound"] for row in rows], color=COLOURS[head], linestyle="--", linewidth=1,
            label="95 % upper bound",
        )  # fmt: skip
        panel.plot(
            max(100 * (1 - decision["coverage"]), min_review), max(100 * decision["error"], min_error),
            marker="*", markersize=13, color=VERMILION, linestyle="none", label="shipped decision",
        )  # fmt: skip
        panel.set(xscale="log", yscale="log", ylim=(min_error * 0.7, 30), xlabel="sent to review, % of all answers")
        panel.set_xticks([1e-3, 1e-2, 1e-1, 1, 10, 50], ["none", "0.01", "0.1", "1", "10", "50"])
        panel.set_yticks([1e-4, 1e-3, 1e-2, 1e-1, 1, 10], ["none", "0.001", "0.01", "0.1", "1", "10"])
        panel.minorticks_off()
        panel.set_title(f"{head}: {np.array(report['heads'][head]['confusion']).sum():,} answers")
    panels[0].set_ylabel("wrong among the accepted, %")
    panels[0].legend(loc="upper right", fontsize=9)
    return figure


def speakers(report: dict[str, Any]) -> Figure:
    """Accuracy on each speaker of FSDD, alone and with all images."""
    figure, panels = _panels("Accuracy per speaker, official test split (speakers seen in training)", 2, (10, 4))
    rows = report["speakers"]
    places = np.arange(len(rows))
    for panel, head in zip(panels, ("audio", "fused"), strict=True):
        _points(panel, places, [row[head] for row in rows], COLOURS[head])
        panel.set_yticks(places, [row["speaker"] for row in rows])
        panel.set(xlabel="accuracy, % (bar: 95 % interval)", title=f"{head}: {rows[0][head]['total']:,} answers each")
        panel.invert_yaxis()
        panel.grid(axis="y", visible=False)
        panel.locator_params(axis="x", nbins=5)
        panel.ticklabel_format(axis="x", useOffset=False)
    return figure


def noise(report: dict[str, Any]) -> Figure:
    """Accuracy by signal-to-noise ratio, audio and fused, a line for each kind of noise."""
    figure, panels = _panels("Noise that training does not use, at four levels", 2, (11, 4.6))
    rows = report["noise"]["rows"]
    kinds = dict(zip(report["noise"]["kinds"], (BLUE, ORANGE, PURPLE, SKY), strict=False))
    for panel, head in zip(panels, ("audio", "fused"), strict=True):
        for kind, colour in (*kinds.items(), ("mean", "black")):
            chosen = sorted((row for row in rows if row["kind"] == kind), key=lambda row: -row["snr_db"])
            ratios = [row["snr_db"] for row in chosen]
            accuracy = [100 * row[head]["accuracy"] for row in chosen]
            width, marker = (2.2, "s") if kind == "mean" else (1.2, "o")
            panel.plot(ratios, accuracy, color=colour, marker=marker, markersize=4.5, linewidth=width, label=kind)
            if kind == "mean":
                ends = np.array([row[head]["interval_95"] for row in chosen]) * 100
                panel.fill_between(ratios, ends[:, 0], ends[:, 1], color="black", alpha=0.12, linewidth=0)
        panel.set(xlabel="speech to noise, dB", ylabel="accuracy, %", title=head, xticks=sorted({0, 5, 10, 20}))
        panel.invert_xaxis()
    panels[1].set_title("fused, with all clean images of the same digit")
    panels[0].legend(loc="lower left", title="band: 95 % of the mean")
    return figure


def conflicts(report: dict[str, Any]) -> Figure:
    """The share of pairs of different digits that is detected, by the false alarm rate."""
    figure, (panel,) = _panels("Image and audio of different digits", 1, (6.5, 4.4))
    rows = report["conflict"]["roc"]
    panel.plot(
        [100 * row["false_alarms"] for row in rows], [100 * row["detected"] for row in rows],
        color=BLUE, marker="o", markersize=5, label="limit on the agreement",
    )  # fmt: skip
    panel.axvline(1, color=GREY, linestyle="--", linewidth=1)
    fused = report["heads"]["fused"]
    false_alarms = fused["decision"]["reasons"].get("conflict", 0) / max(int(np.sum(fused["confusion"])), 1)
    panel.plot(
        max(100 * false_alarms, 0.01), 100 * report["conflict"]["detected"],
        marker="*", markersize=13, color=VERMILION, linestyle="none", label="shipped decision",
    )  # fmt: skip
    ticks = [0.01, 0.1, 1, 10]
    panel.set(xscale="log", xlabel="false alarms, % of pairs of the same digit", ylabel="conflicts found, %")
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.minorticks_off()
    panel.legend(loc="lower right")
    return figure


def novelty(report: dict[str, Any]) -> Figure:
    """The AUROC of each kind of non-digit."""
    rows = report["not_digits"]["rows"]
    figure, (panel,) = _panels("Not a digit: AUROC against the digits of the official test split", 1, (8, 5.2))
    places = np.arange(len(rows))
    for modality in ("image", "audio"):
        chosen = [place for place in places if rows[place]["modality"] == modality]
        values = [{"accuracy": rows[place]["auroc"], "interval_95": rows[place]["interval_95"]} for place in chosen]
        _points(panel, np.array(chosen), values, COLOURS[modality], scale=1, label=modality)
    panel.set_yticks(places, [f"{row['kind']} ({row['total']})" for row in rows])
    panel.set(xlabel="AUROC (bar: 95 % interval; 0.5 is chance)")
    panel.invert_yaxis()
    panel.legend(loc="lower left")
    panel.grid(axis="y", visible=False)
    return figure


def corrupted(report: dict[str, Any]) -> Figure:
    """Accuracy under each corruption, image and fused, strengths side by side."""
    rows = report["corrupted"]["rows"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure, (panel,) = _panels("Corrupted images, weak to strong", 1, (11, 4.8))
    for number, kind in enumerate(kinds):
        own = [row for row in rows if row["kind"] == kind]
        across = number + (np.arange(len(own)) - (len(own) - 1) / 2) * 0.24
        for head, marker in (("image", "o"), ("fused", "D")):
            middle = np.array([100 * row[head]["accuracy"] for row in own])
            ends = 100 * np.array([row[head]["interval_95"] for row in own])
            panel.plot(across, middle, color=COLOURS[head], linewidth=0.9)
            panel.errorbar(
                across, middle, yerr=np.abs(ends.T - middle), color=COLOURS[head], marker=marker, markersize=4.5,
                linestyle="none", elinewidth=1, label=head if number == 0 else None,
            )  # fmt: skip
    panel.set_xticks(range(len(kinds)), [kind.replace(" ", "\n", 1) for kind in kinds])
    panel.set(ylabel="accuracy, %", xlim=(-0.6, len(kinds) - 0.4), ylim=(None, 101.5))
    panel.grid(axis="x", visible=False)
    panel.legend(loc="lower left", title="bar: 95 % interval")
    return figure


def hardest_images(report: dict[str, Any], digits: Digits) -> Figure:
    """The wrong images, then the right ones, each from the least confident."""
    chosen = report["hardest_images"][:N_HARDEST_IMAGES]
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    figure.suptitle("The hardest images of MNIST test: label, answer and its confidence")
    panels = np.asarray(figure.subplots(3, N_HARDEST_IMAGES // 3)).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, row in zip(panels, chosen, strict=False):
        panel.imshow(255 - digits.images[row["index"]], cmap="gray", vmin=0, vmax=255)
        panel.set_title(_verdict(row), fontsize=9, color="black" if row["label"] == row["answer"] else VERMILION)
        panel.text(0.5, -0.06, f"no. {row['index']}", transform=panel.transAxes, ha="center", va="top", fontsize=7)
    return figure


def hardest_clips(report: dict[str, Any], clips: Sequence[Clip]) -> Figure:
    """Log-mel spectrograms of the wrong clips, then of the right ones, each from the least confident."""
    chosen = report["hardest_clips"][:N_HARDEST_CLIPS]
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    figure.suptitle("The hardest clips of FSDD recordings 0-4: label, answer and its confidence")
    panels = np.asarray(figure.subplots(2, N_HARDEST_CLIPS // 2, sharex=True, sharey=True))
    for panel in panels.ravel()[len(chosen) :]:
        panel.set_axis_off()
    for panel, row in zip(panels.ravel(), chosen, strict=False):
        panel.imshow(
            log_mel(speech_window(clips[row["place"]].waveform)).T,
            origin="lower",
            aspect="auto",
            cmap="cividis",
            interpolation="nearest",
            extent=(0, 1, 0, N_MELS),
        )
        panel.set_title(
            f"{_verdict(row)}\n{row['clip']}", fontsize=9, color="black" if row["label"] == row["answer"] else VERMILION
        )
        edges = _mel_edges_hz()
        ticks = [500, 1000, 2000, 3500]
        panel.set_yticks([float(np.interp(tick, edges[1:-1], np.arange(N_MELS) + 0.5)) for tick in ticks], ticks)
        panel.grid(False)
    for panel in panels[:, 0]:
        panel.set_ylabel("frequency, Hz")
    for panel in panels[-1]:
        panel.set_xlabel("time, s")
    return figure


def log_mel(waveform: Waveform) -> NDArray[np.float64]:
    """A spectrogram like the model's: (N_SAMPLES,) to (n_frames, N_MELS), in dB relative to the loudest band, at least
    -50."""
    starts = np.arange(0, N_SAMPLES - N_FFT + 1, HOP)
    frames = waveform[starts[:, None] + np.arange(N_FFT)] * np.hanning(N_FFT)
    power = np.abs(np.fft.rfft(frames)) ** 2  # (n_frames, 129)
    edges, frequency = _mel_edges_hz(), np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE_HZ)
    rising = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    bands = power @ np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(np.maximum(10 * np.log10(bands / max(float(bands.max()), 1e-12) + 1e-12), -50), np.float64)


def _mel_edges_hz() -> NDArray[np.float64]:
    """(N_MELS + 2,): equally spaced in mel (HTK), 60 to 4000 Hz."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (60, 4000))
    return np.asarray(700 * (10 ** (np.linspace(low, high, N_MELS + 2) / 2595) - 1), np.float64)


def _verdict(row: dict[str, Any]) -> str:
    return f"{row['label']} \N{RIGHTWARDS ARROW} {row['answer']}  {row['confidence']:.2f}"


def _panels(title: str, count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    return figure, list(np.asarray(figure.subplots(1, count, squeeze=False)).ravel())


def _points(
    panel: Axes, places: NDArray[Any], rows: Sequence[dict[str, Any]], colour: str, scale: float = 100, label: str = ""
) -> None:
    """Draws a point and a horizontal interval for each row: `accuracy` and `interval_95`, times scale."""
    middle = scale * np.array([row["accuracy"] for row in rows])
    ends = scale * np.array([row["interval_95"] for row in rows])
    panel.errorbar(
        middle, places, xerr=np.abs(ends.T - middle), color=colour, marker="o", linestyle="none", elinewidth=1.5,
        capsize=3, label=label or None,
    )  # fmt: skip
