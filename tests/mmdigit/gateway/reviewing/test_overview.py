"""Groups with what is left, and a field's audit trail."""

from collections.abc import Callable

import pytest

from lab.kit.polling import until
from mmdigit.forms.store.ports import StoredValue
from mmdigit.gateway.access.entrance import LOOPBACK
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import StoredGroup, number_of
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.overview import READING_S, field_history, reviewed_groups
from tests.mmdigit.forms.store.kept import NOW, change
from tests.mmdigit.gateway.reviewed import MEMBER, Databases, Reading, accepted, kept_page, put_group

DeskOf = Callable[..., ReviewDesk]


def test_groups_without_values_are_left_out(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": Reading("1")}})
    put_group(kept, {}, name="empty")
    groups = list(reviewed_groups(desk_of(), "", ["g", "empty", "unknown"], "Ada"))
    assert [(group.group, group.form, group.fields, group.left.review) for group in groups] == [("g", "INTK", 21, 1)]


def test_list_reads_large_groups_after_it(desk_of: DeskOf, kept: Databases) -> None:
    for number in (1, 2, 3):
        put_group(kept, {number: {"member": Reading("1")}}, name=f"g{number}")
    desk, times = desk_of(), iter([0.0, 0.5, READING_S, READING_S])
    names = ["g1", "g2", "g3"]
    assert [group.group for group in reviewed_groups(desk, "", names, "Ada", lambda: next(times))] == ["g1"]
    until(
        lambda: [group.group for group in reviewed_groups(desk, "", names, "Ada", lambda: 0.0)] == names, "all groups"
    )


def test_history_begins_with_what_the_model_read(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": Reading(MEMBER)}})
    kept.pages.put_changes([change("12"), change("13", by="Bo", seen=1), change("", "undo", by="Bo", seen=2)])
    history = field_history(desk_of(), LOOPBACK, "g", "INTK.1:member")
    assert [(each.kind, each.by, each.before, each.after) for each in history.changes] == [
        ("read", "model-1", "", MEMBER),
        ("correction", "Ada", MEMBER, "12"),
        ("correction", "Bo", "12", "13"),
        ("undo", "Bo", "13", "12"),
    ]
    assert history.changes[1].at == NOW


def test_history_is_kept_from_who_is_to_key_blindly(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": accepted(MEMBER)}})
    assert len(field_history(desk_of(0.0), LOOPBACK, "g", "INTK.1:member").changes) == 1
    with pytest.raises(Problem, match="nobody has to key blindly") as raised:
        field_history(desk_of(1.0), LOOPBACK, "g", "INTK.1:member")
    assert raised.value.status == 409


def test_history_is_refused_before_the_desk_knows_the_values(desk_of: DeskOf, kept: Databases) -> None:
    page = kept_page(1)
    kept.pages.put_pages([page])
    kept.registry.put_group(StoredGroup("", "g", "pages", 1, NOW, (page.group,)), [number_of(page.group)])
    desk = desk_of(1.0)
    assert list(reviewed_groups(desk, "", ["g"], "Ada")) == []
    kept.pages.put_values({page.group: [StoredValue("member", MEMBER, "accept", (), 0.9, "model-1")]})
    with pytest.raises(Problem, match="nobody has to key blindly"):
        field_history(desk, LOOPBACK, "g", "INTK.1:member")
