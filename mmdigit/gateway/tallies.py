"""Decisions of a group, counted on from request to request: the store counts outcomes, but not what was decided."""

from collections import OrderedDict
from dataclasses import dataclass

from mmdigit.transport.ports import PredictionStore
from schemas.api import Decisions
from schemas.prediction import Prediction

MAX_GROUPS = 1000
PAGE = 1000
MAX_COUNTED_AT_ONCE = 10_000
"""Outcomes that one request may count, so that it takes tenths of a second; the next request counts on."""


@dataclass
class _Tally:
    position: str = ""
    accept: int = 0
    review: int = 0
    counted: int = 0


class Tallies:
    """The tallies of the groups that were asked for last. Calls may overlap."""

    def __init__(self) -> None:
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()

    def known(self, group: str) -> Decisions:
        """What is counted of a group so far, without looking."""
        return _decisions(self._tallies.get(group) or _Tally())

    def count(self, store: PredictionStore, group: str) -> Decisions:
        """The decisions of the group's outcomes so far. A prediction that is replaced counts as it first was."""
        tally = self._tallies.pop(group, None) or _Tally()
        for _ in range(MAX_COUNTED_AT_ONCE // PAGE):
            outcomes = store.group_outcomes(group, tally.position, PAGE)
            if not outcomes:
                break
            tally.position = outcomes[-1].position
            tally.counted += len(outcomes)
            for outcome in outcomes:
                if isinstance(outcome.result, Prediction):
                    accepted = outcome.result.decision == "accept"
                    tally.accept += accepted
                    tally.review += not accepted
        self._tallies[group] = tally
        while len(self._tallies) > MAX_GROUPS:
            self._tallies.popitem(last=False)
        return _decisions(tally)


def _decisions(tally: _Tally) -> Decisions:
    return Decisions(accept=tally.accept, review=tally.review, counted=tally.counted)
