"""Figures of spoken digits by who spoke: each data set's people, and low and high voices."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.training.data.splits import Clip
from mmdigit.training.evaluate.pitch import pitch_hz

HIGH_HZ = 200.0  # voices from here on are called high


@dataclass(frozen=True, eq=False)
class People:
    """Who spoke each of N clips. names: (N,), SOURCE/SPEAKER; pitch_hz: (N,), of that voice, NaN = not known."""

    names: NDArray[np.str_]
    pitch_hz: NDArray[np.float64]

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Self:
        """The speakers of these clips; a voice's pitch is the median over its clips."""
        by_name = defaultdict(list)
        for clip in clips:
            by_name[clip.name].append(pitch_hz(clip.waveform))
        pitch = {name: _median(found) for name, found in by_name.items()}
        return cls(np.array([clip.name for clip in clips], np.str_), np.array([pitch[clip.name] for clip in clips]))

    def select(self, rows: NDArray[Any]) -> Self:
        """Of these clips: indices, (M,), or a mask, (N,)."""
        return type(self)(self.names[rows], self.pitch_hz[rows])

    def join(self, other: Self) -> Self:
        """Of these clips, then the others."""
        return type(self)(np.concatenate([self.names, other.names]), np.concatenate([self.pitch_hz, other.pitch_hz]))


def figures_by_group(people: People, correct: NDArray[np.bool_], accepted: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Accuracy of all clips and its mean over the people, the share accepted and how many of these are wrong.

    correct, accepted: (N,).
    """
    sources = np.array([name.split("/")[0] for name in people.names])
    groups = {
        "all": np.ones(correct.size, np.bool_),
        **{str(source): sources == source for source in np.unique(sources)},
        f"voices below {HIGH_HZ:.0f} Hz": people.pitch_hz < HIGH_HZ,
        f"voices from {HIGH_HZ:.0f} Hz on": people.pitch_hz >= HIGH_HZ,
    }
    rows = []
    for name, chosen in groups.items():
        if not chosen.any():
            continue
        by_person = [correct[chosen & (people.names == who)].mean() for who in np.unique(people.names[chosen])]
        rows.append(
            {
                "group": name,
                "people": len(by_person),
                "clips": int(chosen.sum()),
                "accuracy": float(correct[chosen].mean()),
                "mean_over_people": float(np.mean(by_person)),
                "accepted": float(accepted[chosen].mean()),
                "wrong_accepted": int((accepted & ~correct)[chosen].sum()),
            }
        )
    return rows


def _median(found: Sequence[float]) -> float:
    known = [each for each in found if not np.isnan(each)]
    return float(np.median(known)) if known else float("nan")
