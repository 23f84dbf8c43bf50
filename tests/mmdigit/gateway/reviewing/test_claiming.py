"""Claims of several gateways, whose copies are old; and by whose name people key."""

import re
from collections.abc import Callable

import pytest

from mmdigit.forms.store.people import login_mark
from mmdigit.gateway.access.entrance import LOOPBACK
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.reviewing.claiming import claim_work, clerk_of
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.keying import key_work
from mmdigit.gateway.reviewing.showing import shown_claim
from schemas.review import MAX_CLERK, ClaimRequest, Key, Keys
from tests.mmdigit.gateway.reviewed import MEMBER, Databases, Reading, put_group

DeskOf = Callable[..., ReviewDesk]


@pytest.mark.parametrize(
    ("principal", "name", "clerk"),
    [
        (LOOPBACK, "Ada", "Ada"),
        (LOOPBACK, " Ada\n", "Ada"),
        (LOOPBACK, "A\x1bda", "A\\x1bda"),
        (LOOPBACK, " ", "somebody"),
        (LOOPBACK, None, "somebody"),
        (Principal("", SCOPES, "token:1", "Desk 7"), "Ada", "Desk 7"),
        (LOOPBACK, "Ada\u3164", "Ada\\u3164"),
        (LOOPBACK, "\u3164", "\\u3164"),
        (Principal("", SCOPES, "oidc:ada@x"), "Bo", f"ada@x{login_mark('ada@x')}"),
        (Principal("", SCOPES, "oidc:4711", "Desk 7"), None, f"Desk 7{login_mark('4711')}"),
    ],
)
def test_clerk_is_who_logs_in(principal: Principal, name: str | None, clerk: str) -> None:
    assert clerk_of(principal, name) == clerk


def test_long_names_of_two_clerks_differ() -> None:
    names = {clerk_of(Principal("", SCOPES, f"token:{end}", "x" * 99 + end), None) for end in "ab"}
    names |= {clerk_of(Principal("", SCOPES, "oidc:4711", "x" * 255), None)}
    assert len(names) == 3
    assert {len(name) for name in names} == {MAX_CLERK}


def test_cut_name_has_whole_escapes() -> None:
    for length in range(50, 58):
        name = clerk_of(LOOPBACK, "x" * length + "\u3164" * (MAX_CLERK - length))
        assert re.fullmatch(r"x+(\\u3164)*~[0-9a-f]{8}", name)


def take(desk: ReviewDesk, clerk: str, count: int = 20) -> tuple[str, list[str]]:
    claim, _, got = claim_work(desk, LOOPBACK, "g", ClaimRequest(clerk=clerk, count=count))
    return claim.id, [f"{each.place.field.group}:{each.place.field.name}" for each in got]


def key(desk: ReviewDesk, claim: str, fields: list[str]) -> set[str]:
    """What becomes of "ok" for each."""
    keys = Keys(fields=tuple(Key(field=field, text="ok") for field in fields))
    return {result.outcome for result in key_work(desk, LOOPBACK, claim, keys).results}


def test_gateways_never_give_the_same_field(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {number: {"member": Reading(MEMBER)} for number in range(1, 31)})
    first, second = desk_of(), desk_of()
    for desk in (first, second):  # both know all fields as open, and learn nothing more of each other
        desk.work("", "g")
    got = []
    for turn in range(5):
        for desk in (first, second):
            claim, fields = take(desk, f"clerk {turn}", 3)
            got += fields
            results = key_work(
                desk, LOOPBACK, claim, Keys(fields=tuple(Key(field=field, text="ok") for field in fields))
            )
            assert {result.outcome for result in results.results} == {"kept"}
    assert len(got) == len(set(got)) == 30
    assert take(first, "Ada")[1] == take(second, "Ada")[1] == []


def test_claim_of_many_goes_through_all_that_is_open(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {number: {"member": Reading(MEMBER)} for number in range(1, 61)})
    first, second = desk_of(), desk_of()
    second.work("", "g")
    claim, fields = take(first, "Ada", 45)
    assert key(first, claim, fields) == {"kept"}
    assert len(take(second, "Bo", 20)[1]) == 15


def test_claim_may_name_its_form(desk_of: DeskOf, kept: Databases) -> None:
    put_group(kept, {1: {"member": Reading(MEMBER)}})
    desk = desk_of()
    claim, work, got = claim_work(desk, LOOPBACK, "g", ClaimRequest(form="INTK"))
    assert len(got) == 1
    [field] = shown_claim(LOOPBACK, claim, work, got, {}).fields
    assert (field.name, field.text, field.alternatives) == ("member", MEMBER, ())
