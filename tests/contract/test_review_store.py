"""The contract of ReviewStore, on SQLite and a real PostgreSQL server."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mmdigit.forms.store.leases import FORGET_AFTER
from mmdigit.forms.store.people import login_mark
from mmdigit.forms.store.ports import Change, ChangeKind, FieldRecord
from mmdigit.forms.store.review_port import (
    BoxKey,
    ClaimKind,
    FieldPlace,
    Held,
    IsOpen,
    NewKey,
    Place,
    ReviewedField,
    ReviewStore,
    StoredClaim,
)
from mmdigit.forms.store.sql_review_store import open_review_store
from tests.adapters import Database
from tests.mmdigit.forms.store.kept import FIELDS, HEARD, NOW, SOUNDS, VALUES, change, fault, page, value

LATER = NOW + timedelta(minutes=5)
TEMPLATE = page().template
PAGES = 6


@pytest.fixture(name="review")
def opened(database: Database) -> ReviewStore:
    """With pages of two fields each."""
    store = database.open()
    store.put_pages([page(number) for number in range(1, PAGES + 1)])
    store.put_values({f"INTK.{number}": VALUES for number in range(1, PAGES + 1)})
    return database.open_review()


def field(number: int = 1, name: str = "member") -> FieldPlace:
    return FieldPlace(f"INTK.{number}", name)


def test_claim_says_what_was_heard(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1, heard=HEARD, sounds=SOUNDS), page(2)])
    store.put_values({f"INTK.{number}": VALUES for number in (1, 2)})
    wanted = [*places(1, 2), Place(field(1, "items.1.count"))]
    claimed = database.open_review().claim(claim(), wanted, 9, NOW, is_open)
    assert [each.heard for each in claimed] == [HEARD["member"], None, HEARD["items.1.count"]]


def places(*numbers: int) -> list[Place]:
    return [Place(field(number)) for number in numbers]


def claim(name: str = "c1", clerk: str = "Ada", kind: ClaimKind = "review", until: datetime = LATER) -> StoredClaim:
    return StoredClaim(name, "", "g", "loopback", clerk, kind, until)


def is_open(_place: Place, _reviewed: ReviewedField) -> bool:
    return True


def get(
    review: ReviewStore, who: StoredClaim, wanted: list[Place], count: int = 9, now: datetime = NOW,
    may: IsOpen = is_open,
) -> list[Place]:  # fmt: skip
    return [each.place for each in review.claim(who, wanted, count, now, may)]


def key(text: str, kind: ChangeKind = "correction", number: int = 1, by: str = "Ada", seen: int = 0) -> NewKey:
    return NewKey(field(number), Change(kind, text, by, NOW), seen)


def put(review: ReviewStore, claim_id: str, *keys: NewKey) -> list[str]:
    return [kept.outcome for kept in review.put_keys(claim_id, keys, LATER)]


def test_claim_gets_the_first_open_places(review: ReviewStore) -> None:
    def odd(place: Place, reviewed: ReviewedField) -> bool:
        assert reviewed == ReviewedField(FieldRecord(value()), {})
        return int(place.field.group[-1]) % 2 == 1

    got = review.claim(claim(), places(3, 2, 1, 5, 99), 2, NOW, odd)
    assert [each.place for each in got] == places(3, 1)
    assert got[0].field == FIELDS[0]
    assert review.find_claim("c1") == claim()
    assert set(review.held("", "g", NOW)) == {Held(place, "Ada", "review") for place in places(1, 3)}


def test_claim_of_nothing_is_not_kept(review: ReviewStore) -> None:
    assert review.claim(claim(), places(1), 1, NOW, lambda *_: False) == []
    assert review.claim(claim(), [], 1, NOW, is_open) == []
    assert review.find_claim("c1") is None
    review.renew("c1", LATER)
    review.release("c1")


def test_claimed_places_go_to_nobody_else(review: ReviewStore) -> None:
    assert get(review, claim("a"), places(1, 2)) == places(1, 2)
    assert get(review, claim("b", "Bo"), places(1, 2, 3)) == places(3)
    assert get(review, claim("a"), places(4)) == places(4)
    review.release("a")
    assert review.find_claim("a") is None
    assert get(review, claim("d", "Di"), places(1, 2, 3, 4)) == places(1, 2, 4)


def test_expired_claim_holds_nothing_more(review: ReviewStore) -> None:
    get(review, claim("a"), places(1, 2))
    assert get(review, claim("b", "Bo"), places(1), now=LATER - timedelta(seconds=1)) == []
    assert review.held("", "g", LATER) == []
    assert get(review, claim("b", "Bo", until=LATER + timedelta(minutes=5)), places(1), now=LATER) == places(1)
    review.renew("a", LATER + timedelta(minutes=1))  # back from a pause: what nobody has got is still theirs
    assert [held.place for held in review.held("", "g", LATER) if held.clerk == "Ada"] == places(2)
    assert put(review, "a", key("12"), key("12", number=2)) == ["not_claimed", "kept"]


def test_renewal_never_shortens_a_claim(review: ReviewStore) -> None:
    get(review, claim("a"), places(1))
    review.renew("a", NOW)
    found = review.find_claim("a")
    assert found is not None
    assert found.expires_at == LATER


def test_claims_are_forgotten_long_after_they_expire(review: ReviewStore) -> None:
    get(review, claim("a"), places(1))
    late = LATER + FORGET_AFTER + timedelta(seconds=1)
    get(review, claim("b", until=late), places(2), now=late)
    assert review.find_claim("a") is None
    assert review.find_claim("b") is not None


def test_groups_and_tenants_see_their_own_holds(review: ReviewStore) -> None:
    get(review, claim("a"), places(1))
    assert review.held("blue", "g", NOW) == review.held("", "other", NOW) == []


def test_box_and_its_field_exclude_each_other(review: ReviewStore) -> None:
    first, second = Place(field(1), 0), Place(field(1), 1)
    assert get(review, claim("a", kind="digits"), [first]) == [first]
    assert get(review, claim("b", "Bo"), places(1)) == []
    assert get(review, claim("b", "Bo", "digits"), [first, second]) == [second]
    get(review, claim("c", "Di"), places(2))
    assert get(review, claim("b", "Bo", "digits"), [Place(field(2), 0)]) == []


def test_keys_are_kept_and_their_field_is_free(review: ReviewStore, database: Database) -> None:
    get(review, claim(), places(1, 2))
    kept = review.put_keys("c1", [key("12"), key("x", number=3)], LATER + timedelta(minutes=1))
    assert [each.outcome for each in kept] == ["kept", "not_claimed"]
    assert kept[0].reviewed == ReviewedField(FieldRecord(value(), (key("12").change,)), {})
    assert review.held("", "g", NOW) == [Held(places(2)[0], "Ada", "review")]
    found = review.find_claim("c1")
    assert found is not None
    assert found.expires_at == LATER + timedelta(minutes=1)
    assert database.open().records(["INTK.1"])["INTK.1"]["member"].text == "12"
    assert put(review, "c1", key("12")) == ["known"]
    assert put(review, "c1", key("13")) == ["outdated"]
    assert put(review, "other", key("12")) == ["not_claimed"]


def test_key_of_a_field_that_changed_is_outdated(review: ReviewStore, database: Database) -> None:
    get(review, claim(), places(1))
    database.open().put_changes([change("77", by="Bo")])
    assert put(review, "c1", key("12")) == ["outdated"]
    assert put(review, "c1", key("12", seen=1)) == ["kept"]


def test_undo_takes_back_the_own_last_change(review: ReviewStore) -> None:
    get(review, claim(), places(1))
    assert put(review, "c1", key("", "undo")) == ["outdated"]
    assert put(review, "c1", key("12"), key("", "undo", seen=1)) == ["kept", "kept"]
    assert put(review, "c1", key("", "undo", seen=1)) == ["known"]
    record = review.fields([field()])[field()].record
    assert (record.text, record.source, len(record.changes)) == ("0012", "model", 2)
    assert [held.place for held in review.held("", "g", NOW)] == places(1)
    assert put(review, "c1", key("13", seen=2)) == ["kept"]
    assert put(review, "c1", key("14", seen=3)) == ["kept"]
    assert put(review, "c1", key("", "undo", seen=4)) == ["kept"]
    assert review.fields([field()])[field()].record.text == "13"


def test_undo_after_somebody_else_is_refused(review: ReviewStore, database: Database) -> None:
    get(review, claim(), places(1))
    assert put(review, "c1", key("12")) == ["kept"]
    database.open().put_changes([change("77", by="Bo", seen=1)])
    assert put(review, "c1", key("", "undo", seen=1), key("", "undo", seen=2)) == ["outdated", "outdated"]


def test_undo_is_refused_once_somebody_else_has_the_field(review: ReviewStore) -> None:
    get(review, claim(kind="control"), places(1))
    assert put(review, "c1", key("13", "control")) == ["kept"]
    assert get(review, claim("c2", "Bo", "second"), places(1)) == places(1)
    assert put(review, "c1", key("", "undo", seen=1)) == ["not_claimed"]
    assert put(review, "c2", key("13", "second", by="Bo", seen=1)) == ["kept"]


def test_control_that_is_taken_back_may_be_keyed_again(review: ReviewStore, database: Database) -> None:
    get(review, claim(kind="control"), places(1))
    assert (
        put(review, "c1", key("13", "control"), key("", "undo", seen=1), key("0012", "control", seen=2)) == ["kept"] * 3
    )
    record = review.fields([field()])[field()].record
    assert record.control is not None
    assert (record.control.text, record.decision) == ("0012", "accept")
    assert [found.control and found.control.text for _, found in database.open().controlled(TEMPLATE)] == ["0012"]


@pytest.mark.parametrize(
    ("second", "text", "decision"), [("13", "13", "accept"), ("0012", "0012", "accept"), ("14", "0012", "review")]
)
def test_second_key_decides_if_it_agrees(review: ReviewStore, second: str, text: str, decision: str) -> None:
    get(review, claim(kind="control"), places(1))
    assert put(review, "c1", key("13", "control")) == ["kept"]
    get(review, claim("c2", "Bo", "second"), places(1))
    assert put(review, "c2", key(second, "second", by="Bo", seen=1)) == ["kept"]
    assert put(review, "c2", key(second, "second", by="Bo", seen=1)) == ["known"]
    record = review.fields([field()])[field()].record
    assert (record.text, record.decision) == (text, decision)
    assert put(review, "c2", key("", "undo", by="Bo", seen=2)) == ["kept"]
    assert review.fields([field()])[field()].record.decision == "review"


def test_second_key_is_of_another_person(review: ReviewStore) -> None:
    get(review, claim(kind="second"), places(1, 2))
    assert put(review, "c1", key("13", "second")) == ["no_field"]
    assert put(review, "c1", key("13", "first"), key("13", "second", seen=1)) == ["kept", "no_field"]
    assert put(review, "c1", key("13", "first"), key("14", "first", seen=1)) == ["known", "outdated"]
    assert review.fields([field()])[field()].record.source == "model"


def box(number: int, digit: int | None, by: str = "Ada") -> tuple[FieldPlace, BoxKey]:
    return field(), BoxKey(number, digit, by, NOW)


def test_boxes_keep_the_last_word(review: ReviewStore) -> None:
    wanted = [Place(field(), number) for number in range(3)]
    get(review, claim(kind="digits"), wanted[:2])
    assert [each.outcome for each in review.put_boxes("c1", [box(0, 1), box(1, None), box(2, 3)], LATER)] == [
        *("kept", "kept", "not_claimed")
    ]
    again = review.put_boxes("c1", [box(0, 1), box(1, 2)], LATER)
    assert [each.outcome for each in again] == ["known", "kept"]
    reviewed = again[1].reviewed
    assert reviewed is not None
    assert {number: said.digit for number, said in reviewed.boxes.items()} == {0: 1, 1: 2}
    assert review.held("", "g", NOW) == []


def test_boxes_say_their_field_together_alone(review: ReviewStore) -> None:
    get(review, claim("a", kind="digits"), [Place(field(), 0)])
    get(review, claim("b", "Bo", "digits"), [Place(field(), 1)])
    assert put(review, "a", key("77")) == ["not_claimed"]
    assert put(review, "a", replace(key("12"), of_boxes=True)) == ["kept"]
    assert put(review, "a", key("", "undo", seen=1)) == ["kept"]


def test_old_word_on_a_box_changes_nothing(review: ReviewStore) -> None:
    get(review, claim("c1", "A\n", "digits"), [Place(field(), 0)])

    def say(digit: int, seen: int, by: str = "A\n") -> tuple[str, int | None]:
        place, said = box(0, digit, by)
        [kept] = review.put_boxes("c1", [(place, replace(said, seen=seen))], LATER)
        assert kept.reviewed is not None
        return kept.outcome, kept.reviewed.boxes[0].digit

    assert [say(3, 0), say(5, 1), say(3, 0), say(5, 1)] == [("kept", 3), ("kept", 5), ("known", 5), ("known", 5)]
    assert [say(5, 2), say(3, 3), say(5, 2)] == [("kept", 5), ("kept", 3), ("known", 3)]
    assert say(7, 1) == say(5, 1, "Bo") == ("outdated", 3)
    assert review.fields([field()])[field()].boxes[0].seen == 3


def test_second_key_is_not_of_the_same_login(review: ReviewStore) -> None:
    before, after = (f"{name}{login_mark('4711')}" for name in ("ada", "eve"))
    get(review, claim("a", before), places(1))
    assert put(review, "a", key("12", "first", by=before)) == ["kept"]
    get(review, claim("b", after), places(1))
    assert put(review, "b", key("12", "second", by=after, seen=1)) == ["no_field"]


def test_pages_to_review_have_what_people_may_see_to(review: ReviewStore, database: Database) -> None:
    store = database.open()
    store.put_pages([page(7), fault(8), page(9, template="another")])
    store.put_values({"INTK.9": VALUES})
    store.put_changes([change("12", number=2)])
    groups = [f"INTK.{number}" for number in (9, 7, 3, 2, 1, 8)]
    found = list(review.pages_to_review(groups, TEMPLATE, lambda group, name: (group, name) == ("INTK.3", "member")))
    assert [(each.page.group, [one.record.value.name for one in each.fields]) for each in found] == [
        ("INTK.1", ["items.1.count"]),
        ("INTK.2", ["member", "items.1.count"]),
        ("INTK.3", ["member", "items.1.count"]),
    ]
    assert found[1].fields[0].record == store.records(["INTK.2"])["INTK.2"]["member"]


def test_names_of_people_are_kept_escaped(review: ReviewStore) -> None:
    get(review, claim("a", "A\n"), places(1))
    assert [held.clerk for held in review.held("", "g", NOW)] == ["A\\n"]


def test_clerks_at_once_never_get_the_same(review: ReviewStore, database: Database) -> None:
    """Each with a store of their own, as gateways have."""
    store = database.open()
    numbers = range(10, 50)
    store.put_pages([page(number) for number in numbers])
    store.put_values({f"INTK.{number}": VALUES for number in numbers})
    wanted = [place for number in numbers for place in (Place(field(number)), Place(field(number, "items.1.count")))]
    got: list[list[Place]] = []
    failed: list[Exception] = []

    def not_keyed(_place: Place, reviewed: ReviewedField) -> bool:
        return not reviewed.record.changes

    def work(name: str) -> None:
        try:
            with open_review_store(database.url, database.password) as mine:
                for turn in range(10):  # of three each, more than there are
                    found = get(mine, claim(f"{name}.{turn}", name), wanted, 3, may=not_keyed)
                    got.append(found)
                    keys = [NewKey(each.field, Change("correction", "7", name, NOW), 0) for each in found]
                    assert put(mine, f"{name}.{turn}", *keys) == ["kept"] * len(found)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"clerk-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
    places_got = [place for found in got for place in found]
    assert len(places_got) == len(set(places_got)) == len(wanted)


def test_close_twice_is_safe(review: ReviewStore) -> None:
    review.close()
    review.close()
