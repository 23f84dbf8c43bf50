"""Page after page with known truth, each from its own seed: any of them can be made again alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lab.benchmarks.forms.degrading import KINDS, Scan, degrade
from lab.benchmarks.forms.filling import Filled, blank_page, fill
from mmdigit.forms.loading import load_template
from mmdigit.training.data.splits import load_digits

FORM = Path(__file__).with_name("form.yaml")
Split = Literal["validation", "test"]
SEEDS: dict[Split, int] = {"validation": 20261128, "test": 77}
PEN, PENCIL = 0.15, 0.45  # 0 = black


@dataclass(frozen=True, eq=False)
class GeneratedPage:
    kind: str
    filled: Filled
    scan: Scan


class Generator:
    """The pages of a split, by number. One writer fills a page; kinds of scan take turns."""

    def __init__(self, data: Path, split: Split) -> None:
        self.template = load_template(FORM)
        self._seed, self._digits, self._paper = SEEDS[split], load_digits(data, split), blank_page(self.template)

    def page(self, number: int) -> GeneratedPage:
        kind = KINDS[number % len(KINDS)]
        chance = np.random.default_rng((self._seed, number))
        filled = fill(self._paper, self.template, self._digits, chance, ink=PENCIL if kind == "pencil" else PEN)
        return GeneratedPage(kind, filled, degrade(filled.pixels, self.template.size_mm, kind, chance))
