"""Which accepted fields are drawn: the same in every run, about the share, and not known from the outside."""

import pytest

from mmdigit.forms.reviewing.sampling import chance_of, is_drawn

FIELDS = [(f"INTK.{number}", "member") for number in range(20_000)]


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_share_of_the_fields_is_drawn(share: float) -> None:
    drawn = [field for field in FIELDS if is_drawn(7, share, *field)]
    assert len(drawn) == pytest.approx(share * len(FIELDS), rel=0.1)
    assert drawn == [field for field in FIELDS if is_drawn(7, share, *field)]


def test_larger_share_draws_the_same_fields_and_more() -> None:
    small, large = ({field for field in FIELDS if is_drawn(7, share, *field)} for share in (0.02, 0.05))
    assert small < large


def test_seed_and_field_both_decide() -> None:
    assert len({chance_of(seed, "INTK.1", name) for seed in (1, 2) for name in ("a", "b")}) == 4
    assert chance_of(1, "a", "b") != chance_of(1, "a\0b", "")
    assert all(0 <= chance_of(1, *field) < 1 for field in FIELDS[:1000])
