"""The desk's copies of what is open: how old they may be, and what they miss."""

from collections.abc import Callable

import pytest

from lab.kit.polling import until
from mmdigit.forms.store.ports import Change
from mmdigit.forms.store.review_port import FieldPlace, ReviewedField, StoredClaim
from mmdigit.gateway.reviewing import desk as module
from mmdigit.gateway.reviewing.desk import GroupWork, ReviewDesk
from tests.mmdigit.forms.store.kept import NOW, change
from tests.mmdigit.gateway.reviewed import Databases, Reading, put_group
from tests.mmdigit.gateway.reviewing.conftest import Clock

CLAIM = StoredClaim("c", "", "g", "loopback", "Ada", "review", NOW)
DeskOf = Callable[..., ReviewDesk]


def left(work: GroupWork | None) -> int:
    assert work is not None
    return sum(each.left.review for each in work.works)


def test_unknown_groups_and_groups_of_jobs_have_no_work(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": Reading("1")}}, tenant="blue")
    desk = desk_of()
    assert desk.work("", "g") is desk.work("blue", "none") is None
    assert left(desk.work("blue", "g")) == 1


def test_work_is_read_again_in_the_background(desk_of: DeskOf, kept: Databases, clock: Clock) -> None:
    put_group(kept, {1: {"member": Reading("1")}})
    desk = desk_of()
    assert left(desk.work("", "g")) == 1
    put_group(kept, {2: {"member": Reading("1")}})
    clock.seconds = 1.9
    assert left(desk.work("", "g")) == 1
    clock.seconds = 2.0
    assert left(desk.work("", "g")) == 1  # at once, as it was
    until(lambda: left(desk.work("", "g")) == 2, "the work as it is now")


def test_work_is_read_anew_where_none_is_left(desk_of: DeskOf, kept: Databases, clock: Clock) -> None:
    put_group(kept, {1: {"member": Reading("1")}})
    desk = desk_of()
    desk.work("", "g")
    put_group(kept, {2: {"member": Reading("1")}})
    assert left(desk.work("", "g", anew=True)) == 1  # it has just been read
    clock.seconds = 1.0
    assert left(desk.work("", "g", anew=True)) == 2


def test_keys_of_this_gateway_count_at_once(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": Reading("1"), "born": Reading("2")}})
    desk, place = desk_of(), FieldPlace("INTK.1", "member")
    desk.work("", "g")
    kept.pages.put_changes([change("12")])
    now = kept.review.fields([place])[place]
    desk.update(CLAIM, place, now, keyed_at=NOW)
    work = desk.work("", "g")
    assert left(work) == 1
    assert work is not None
    assert [(each.clerk, each.keyed) for each in work.works[0].activity.shown({})] == [("Ada", 1)]
    desk.update(CLAIM, FieldPlace("INTK.1", "unknown"), kept.review.fields([place])[place], keyed_at=NOW)
    desk.update(
        StoredClaim("c", "", "h", "x", "Ada", "review", NOW), place, kept.review.fields([place])[place], keyed_at=NOW
    )


def test_key_during_a_reading_is_not_lost(
    desk_of: DeskOf, kept: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_group(kept, {1: {"member": Reading("1")}})
    desk, place = desk_of(), FieldPlace("INTK.1", "member")
    desk.work("", "g")
    before = kept.review.fields([place])[place]
    keyed = ReviewedField(type(before.record)(before.record.value, (Change("correction", "1", "Ada", NOW),)), {})
    read = desk._read_group

    def meanwhile(key: tuple[str, str]) -> GroupWork | None:
        found = read(key)
        desk.update(CLAIM, place, keyed, keyed_at=NOW)
        return found

    monkeypatch.setattr(desk, "_read_group", meanwhile)
    clock.seconds = 5.0
    assert left(desk.work("", "g", anew=True)) == 0


def test_groups_in_memory_are_bounded(desk_of: DeskOf, kept: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUPS", 2)
    desk = desk_of()
    for number in range(1, 5):
        put_group(kept, {number: {"member": Reading("1")}}, name=f"g{number}")
        assert left(desk.work("", f"g{number}")) == 1
        assert desk.work("", f"none{number}") is None
    assert list(desk._groups) == [("", "g3"), ("", "g4")]
    monkeypatch.setattr(module, "MAX_FIELDS", 1)
    put_group(kept, {5: {"member": Reading("1"), "born": Reading("2")}}, name="g5")
    assert left(desk.work("", "g5")) == 2
    assert list(desk._groups) == [("", "g5")]
    assert len(desk._reading) <= 2
