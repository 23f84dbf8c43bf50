"""Pauses double, are capped, and vary over the upper half of their span."""

import itertools

import pytest

from mmdigit.consuming.backoff import Backoff


def test_longest_pauses_double_up_to_the_cap() -> None:
    longest = Backoff(1.0, draw=lambda: 1.0)
    assert list(itertools.islice(longest, 6)) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_shortest_pause_is_half_of_the_longest() -> None:
    shortest = Backoff(1.0, draw=lambda: 0.0)
    assert list(itertools.islice(shortest, 6)) == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.5, 0.5])


def test_cap_below_the_first_pause_applies_to_it() -> None:
    assert next(Backoff(0.001, draw=lambda: 1.0)) == 0.001


def test_pauses_of_two_workers_differ() -> None:
    assert list(itertools.islice(Backoff(10.0), 5)) != list(itertools.islice(Backoff(10.0), 5))
