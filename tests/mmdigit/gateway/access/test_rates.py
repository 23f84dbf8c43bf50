"""How much one subject may ask for, and that it takes nothing from another."""

from mmdigit.gateway.access.rates import HeldBytes, OpenStreams, Rates


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_take_allows_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(2.0, 4.0, clock=clock)
    assert [rates.take("ada") for _ in range(6)] == [0, 0, 0, 0, 0.5, 0.5]
    clock.seconds += 0.25
    assert rates.take("ada") == 0.25
    clock.seconds += 0.25
    assert [rates.take("ada"), rates.take("ada")] == [0, 0.5]
    clock.seconds += 1000
    assert [rates.take("ada") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_take_of_several_waits_for_all_of_them() -> None:
    clock = Clock()
    rates = Rates(1.0, 10.0, clock=clock)
    assert [rates.take("ada", 8), rates.take("ada", 8)] == [0, 6]
    clock.seconds += 6
    assert rates.take("ada", 8) == 0
    assert rates.take("bob", 1000) == 0  # as much as can ever be in a bucket
    assert rates.take("bob") == 1


def test_subjects_have_buckets_of_their_own() -> None:
    rates = Rates(1.0, 1.0, clock=Clock())
    assert [rates.take("ada"), rates.take("bob"), rates.take("ada")] == [0, 0, 1]


def test_subjects_are_bounded_and_the_quiet_are_forgotten() -> None:
    rates = Rates(1.0, 1.0, max_subjects=2, clock=Clock())
    assert [rates.take(name) for name in ("ada", "bob", "ada", "cem")] == [0, 0, 1, 0]
    assert rates.take("ada") == 1
    assert rates.take("bob") == 0  # was forgotten


def test_open_streams_are_bounded_for_each_and_together() -> None:
    streams = OpenStreams(each=2, together=3)
    assert [streams.enter(name) for name in ("ada", "ada", "ada", "bob", "bob")] == [True, True, False, True, False]
    streams.leave("ada")
    assert [streams.enter("ada"), streams.enter("cem")] == [True, False]
    for name in ("ada", "ada", "bob"):
        streams.leave(name)
    assert [streams.enter(name) for name in ("bob", "bob", "cem")] == [True, True, True]


def test_held_bytes_are_bounded_for_each_and_together() -> None:
    held = HeldBytes(10, 15)
    assert held.take("a", 100)  # one body always fits
    held.give_back("a", 100)
    assert held.take("a", 6)
    assert not held.take("a", 5)
    assert held.take("b", 6)
    assert not held.take("b", 4)
    held.give_back("a", 6)
    assert held.take("b", 4)
