"""How much and how fast people key."""

from datetime import timedelta

from mmdigit.gateway.reviewing.activity import LONGEST_S, Activity
from tests.mmdigit.forms.store.kept import NOW


def test_speed_is_the_median_without_pauses() -> None:
    at = [0.0, 2, 5, 9, 9, 9 + LONGEST_S + 1, 9 + LONGEST_S + 3]
    keys = [(NOW + timedelta(seconds=seconds), "Ada") for seconds in reversed(at)]
    [ada] = Activity(keys).shown({})
    assert (ada.clerk, ada.keyed, ada.seconds, ada.holds) == ("Ada", 7, 2.0, 0)
    assert ada.last_at == NOW + timedelta(seconds=at[-1])


def test_keys_that_came_together_tell_no_speed() -> None:
    activity = Activity([(NOW + timedelta(seconds=seconds), "Ada") for seconds in [0.0] * 20 + [0.05] * 20 + [0.1]])
    [ada] = activity.shown({})
    assert (ada.keyed, ada.seconds) == (41, None)
    activity.add("Ada", NOW + timedelta(seconds=3.1))
    [ada] = activity.shown({})
    assert ada.seconds == 3.0


def test_people_who_only_hold_are_named_too() -> None:
    activity = Activity([(NOW, "Bo")])
    shown = list(activity.shown({"Ada": 3}))
    assert [(each.clerk, each.keyed, each.seconds, each.holds) for each in shown] == [
        ("Ada", 0, None, 3),
        ("Bo", 1, None, 0),
    ]
