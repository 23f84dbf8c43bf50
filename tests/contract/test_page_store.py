"""The contract of PageStore, on SQLite and a real PostgreSQL server."""

import threading
from dataclasses import replace
from datetime import timedelta

from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.store.ports import FieldRecord, PageCounts, StoredCell, StoredField
from mmdigit.forms.store.rows import CHUNK
from mmdigit.forms.store.sql_store import open_page_store
from tests.adapters import Database
from tests.mmdigit.forms.store.kept import FIELDS, HEARD, NOW, SOUNDS, VALUES, change, fault, page, value

TEMPLATE = page().template


def groups(pages: object) -> list[str]:
    return [each.group for each, _ in pages]  # type: ignore[attr-defined]


def test_put_pages_survives_reopening(database: Database) -> None:
    with open_page_store(database.url, database.password) as first:
        first.put_pages([page(1), fault(2)])
    store = database.open()
    assert store.known_groups(["INTK.1", "INTK.2", "INTK.3"]) == {"INTK.1", "INTK.2"}
    assert store.pages_of_file("a" * 64, TEMPLATE) == [replace(page(1), fields=()), fault(2)]
    assert store.pages_of_file("a" * 64, "another") == []


def test_put_pages_leaves_a_kept_page_as_it_is(database: Database) -> None:
    store = database.open()
    store.put_pages([fault(1)])
    store.put_pages([page(1), page(2), page(2, scanner="a later one")])
    store.put_pages([])
    assert store.pages_of_file("a" * 64, TEMPLATE) == [fault(1), replace(page(2), fields=())]
    assert groups((each, None) for _, each in store.unread_pages(TEMPLATE, 10)) == ["INTK.2"]
    assert store.fields("INTK.1") == ()


def test_put_pages_replaces_an_unreadable_page_once_it_is_read(database: Database) -> None:
    store = database.open()
    unreadable = fault(1, state="unreadable")
    store.put_pages([unreadable, fault(2, state="unreadable")])
    store.put_pages([replace(unreadable, message="another")])
    assert store.pages_of_file("a" * 64, TEMPLATE)[0] == unreadable
    store.put_pages([page(1, file_name="again.pdf")])
    store.put_pages([page(1, scanner="a later one"), unreadable])
    assert store.pages_of_file("a" * 64, TEMPLATE) == [
        replace(page(1, file_name="again.pdf"), fields=()), fault(2, state="unreadable")
    ]  # fmt: skip
    assert store.fields("INTK.1") == FIELDS
    assert store.counts(TEMPLATE) == PageCounts(pages=2, unread=1, failed=1, accepted=0, review=0)


def test_put_pages_keeps_hostile_names_escaped(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1, file_name="a\x00\ud800b\x1b[2J.pdf", scanner="\n", message="\x07")])
    [kept] = store.pages_of_file("a" * 64, TEMPLATE)
    assert (kept.file_name, kept.scanner, kept.message) == ("a\\x00\\ud800b\\x1b[2J.pdf", "\\n", "\\x07")


def test_unread_pages_come_with_their_cells_oldest_first(database: Database) -> None:
    store = database.open()
    store.put_pages([page(3)])
    store.put_pages([fault(4), page(1), page(5, template="another")])
    unread = store.unread_pages(TEMPLATE, 10)
    assert [each.group for _, each in unread] == ["INTK.3", "INTK.1"]
    assert unread[0][1] == page(3, fields=tuple(replace(field, crop=b"") for field in FIELDS))
    [(position, first)] = store.unread_pages(TEMPLATE, 1)
    assert first.group == "INTK.3"
    assert [each.group for _, each in store.unread_pages(TEMPLATE, 10, after=position)] == ["INTK.1"]
    store.put_values({"INTK.3": VALUES})
    assert [each.group for _, each in store.unread_pages(TEMPLATE, 10)] == ["INTK.1"]


def test_what_was_heard_is_kept_with_its_page(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1, heard=HEARD, sounds=SOUNDS), page(2)])
    store.put_pages([page(1), page(2, heard=HEARD, sounds=SOUNDS)])  # they are kept already
    kept = {each.group: each.heard for _, each in store.unread_pages(TEMPLATE, 10)}
    assert {group: store.heard(group) for group in kept} == kept
    assert store.heard("nowhere") is None
    assert kept == {"INTK.1": HEARD, "INTK.2": {}}
    assert store.sound("INTK.1", "member") == SOUNDS["*"]
    for group, name in (("INTK.1", "items.1.count"), ("INTK.1", "born"), ("INTK.2", "member"), ("INTK.3", "member")):
        assert store.sound(group, name) is None


def test_put_values_stay_as_they_are(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1), fault(2)])
    assert store.put_values({"INTK.1": VALUES, "INTK.2": VALUES, "unknown": VALUES}) == {"INTK.1"}
    assert store.put_values({"INTK.1": [value(text="later")]}) == frozenset()
    assert list(store.pages(TEMPLATE)) == [
        (fault(2), ()),
        (replace(page(1), fields=()), tuple(FieldRecord(each) for each in VALUES)),
    ]


def test_page_without_fields_is_read_once(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1, fields=())])
    assert store.put_values({"INTK.1": ()}) == {"INTK.1"}
    assert store.unread_pages(TEMPLATE, 10) == []


def test_pages_are_in_order_of_their_forms(database: Database) -> None:
    store = database.open()
    again = page(9, serial=1, page=1, received_at=NOW - timedelta(days=1))
    store.put_pages([page(2), page(3, serial=1, page=2), page(1), again, fault(5)])
    assert groups(store.pages(TEMPLATE)) == ["INTK.5", "INTK.9", "INTK.1", "INTK.3", "INTK.2"]
    assert list(store.pages("another")) == []


def test_pages_without_serial_are_in_order_of_files(database: Database) -> None:
    store = database.open()
    places = [(3, "b.pdf"), (2, "a.pdf"), (10, "a.pdf"), (4, "B.pdf"), (5, "ä.pdf"), (6, "_.pdf")]
    kept = [page(number, serial=None, file_name=name, handwriting=b"\x00\xff") for number, name in places]
    store.put_pages([page(1), *kept])
    names = [(each.file_name, each.number) for each, _ in store.pages(TEMPLATE)]
    expected = [("B.pdf", 4), ("_.pdf", 6), ("a.pdf", 2), ("a.pdf", 10), ("b.pdf", 3), ("ä.pdf", 5), ("stack.pdf", 1)]
    assert names == expected
    assert next(store.pages(TEMPLATE))[0] == replace(kept[3], fields=())


def test_pages_go_on_after_a_chunk(database: Database) -> None:
    store = database.open()
    store.put_pages([page(number, fields=()) for number in range(1, CHUNK + 2)])
    assert groups(store.pages(TEMPLATE)) == [f"INTK.{number}" for number in range(1, CHUNK + 2)]
    assert len(store.known_groups([f"INTK.{number}" for number in range(2 * CHUNK)])) == CHUNK + 1
    store.put_pages([fault(number, group=f"more.{number}", template="more") for number in range(1, CHUNK + 2)])
    assert [each.number for each, _ in store.pages("more")] == list(range(1, CHUNK + 2))


def test_fields_come_back_as_they_were_put(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1)])
    assert store.fields("INTK.1") == FIELDS


def test_correction_is_kept_beside_the_value(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1)])
    assert store.put_changes([change("12")]) == ["no_field"]
    store.put_values({"INTK.1": VALUES})
    assert store.put_changes([change("12"), change("3", name="items.1.count"), change("1", number=2)]) == [
        *("kept", "kept", "no_field")
    ]
    [(_, (member, count))] = store.pages(TEMPLATE)
    assert (member.value.text, member.text, member.source, member.decision) == ("0012", "12", "person", "accept")
    assert (count.text, count.decision, count.reasons, count.chance) == ("3", "accept", (), None)
    assert member.correction == change("12").change


def test_correction_again_changes_nothing(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1)])
    store.put_values({"INTK.1": VALUES})
    assert store.put_changes([change("12")]) == ["kept"]
    assert store.put_changes([change("12")]) == ["known"]
    assert store.put_changes([change("13")]) == ["outdated"]
    assert store.put_changes([change("13", seen=1, by="Bo\n")]) == ["kept"]
    [(_, (member, _))] = store.pages(TEMPLATE)
    assert [(each.text, each.by) for each in member.changes] == [("12", "Ada"), ("13", "Bo\\n")]


def test_records_are_those_of_pages_with_values(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1), page(2)])
    store.put_values({"INTK.1": VALUES})
    store.put_changes([change("12")])
    records = store.records(["INTK.1", "INTK.2", "INTK.3"])
    assert list(records) == ["INTK.1"]
    assert list(records["INTK.1"]) == ["member", "items.1.count"]
    assert records["INTK.1"]["member"] == FieldRecord(value(), (change("12").change,))


def test_control_that_differs_asks_for_review(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1), page(2)])
    store.put_values({"INTK.1": VALUES, "INTK.2": VALUES})
    keyed = [change("0012", "control"), change("0072", "control", number=2)]
    assert store.put_changes([*keyed, change("1", "control", name="items.1.count")]) == ["kept", "kept", "no_field"]
    assert store.put_changes(keyed) == ["known", "known"]
    assert store.put_changes([change("0013", "control")]) == ["outdated"]
    [same, other] = [records[0] for _, records in store.pages(TEMPLATE)]
    assert (same.decision, same.reasons, same.text) == ("accept", (), "0012")
    assert (other.decision, other.reasons, other.text) == ("review", ("control_differs",), "0012")
    assert other.control == keyed[1].change
    assert store.put_changes([change("0012", number=2, seen=1)]) == ["kept"]
    [_, other] = [records[0] for _, records in store.pages(TEMPLATE)]
    assert (other.decision, other.source) == ("accept", "person")


def test_controlled_fields_come_with_their_pages(database: Database) -> None:
    store = database.open()
    numbers = range(1, CHUNK + 2)
    store.put_pages([page(number, fields=()) for number in numbers])
    store.put_values({f"INTK.{number}": VALUES for number in numbers})
    store.put_changes([change("0012", "control", number=number) for number in numbers])
    store.put_changes([change("0013", number=1, seen=1), change("0013", number=2, name="items.1.count")])
    controlled = list(store.controlled(TEMPLATE))
    assert [each.group for each, _ in controlled] == [f"INTK.{number}" for number in numbers]
    assert controlled[0][1].correction == change("0013").change
    assert controlled[1][1] == FieldRecord(value(), (change("0012", "control").change,))
    late = NOW + timedelta(seconds=CHUNK)
    assert [each.number for each, _ in store.controlled(TEMPLATE, late)] == [CHUNK, CHUNK + 1]
    assert list(store.controlled("another")) == []


def test_counts_say_how_far_pages_are(database: Database) -> None:
    store = database.open()
    assert store.counts(TEMPLATE) == PageCounts(0, 0, 0, 0, 0)
    store.put_pages([page(1), page(2), fault(3)])
    store.put_values({"INTK.1": VALUES})
    assert store.counts(TEMPLATE) == PageCounts(pages=3, unread=1, failed=1, accepted=1, review=1)


def test_several_programs_put_the_same_pages(database: Database) -> None:
    pages = [page(number) for number in range(40)]
    kept: list[frozenset[str]] = []
    failed: list[Exception] = []

    def put_all() -> None:
        try:
            with open_page_store(database.url, database.password) as store:
                for start in range(0, 40, 8):
                    store.put_pages(pages[start : start + 16])
                kept.append(store.put_values({each.group: VALUES for each in pages}))
        except Exception as exc:
            failed.append(exc)

    threads = [threading.Thread(target=put_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(group for each in kept for group in each) == sorted(each.group for each in pages)
    assert database.open().counts(TEMPLATE) == PageCounts(40, 0, 0, 40, 40)


def test_changes_of_several_people_at_once_are_all_known(database: Database) -> None:
    with open_page_store(database.url, database.password) as store:
        store.put_pages([page(1)])
        store.put_values({"INTK.1": VALUES})
    outcomes: list[str] = []

    def correct(text: str) -> None:
        with open_page_store(database.url, database.password) as store:
            outcomes.extend(store.put_changes([change(text)]))

    threads = [threading.Thread(target=correct, args=(f"{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["kept", "outdated", "outdated", "outdated"]


def test_close_twice_is_safe(database: Database) -> None:
    store = database.open()
    store.close()
    store.close()


def test_pages_may_be_left_halfway(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1), page(2)])
    assert next(store.pages(TEMPLATE))[0].group == "INTK.1"
    assert store.put_values({"INTK.1": VALUES}) == {"INTK.1"}


def test_pages_of_groups_come_in_the_order_of_all(database: Database) -> None:
    store = database.open()
    several = [page(number) for number in range(1, 8)] + [
        fault(8, file_name="b.pdf"),
        fault(9, file_name="a.pdf"),
        page(10, serial=3, page=2),
        page(11, template="another"),
    ]
    store.put_pages(several)
    store.put_values({"INTK.3": VALUES})
    wanted = ["INTK.11", "INTK.10", "INTK.8", "INTK.3", "INTK.9", "INTK.5", "INTK.3", "INTK.99"]
    found = list(store.pages_of(wanted, TEMPLATE))
    assert found == [each for each in store.pages(TEMPLATE) if each[0].group in wanted]
    assert groups(found) == ["INTK.9", "INTK.8", "INTK.3", "INTK.10", "INTK.5"]
    assert list(store.pages_of([], TEMPLATE)) == []


def test_pages_of_more_groups_than_one_query_takes(database: Database) -> None:
    store = database.open()
    store.put_pages([page(number, fields=()) for number in range(1, CHUNK + 3)])
    wanted = [f"INTK.{number}" for number in range(2 * CHUNK, 1, -1)]
    assert groups(store.pages_of(wanted, TEMPLATE)) == [f"INTK.{number}" for number in range(2, CHUNK + 3)]
    assert store.counts_of(wanted).pages == CHUNK + 1


def test_counts_of_groups_are_those_alone(database: Database) -> None:
    store = database.open()
    store.put_pages([page(1), page(2), page(3), fault(4), page(5, template="another")])
    store.put_values({"INTK.1": VALUES, "INTK.3": VALUES})
    assert store.counts_of(["INTK.1", "INTK.2", "INTK.4", "INTK.9"]) == PageCounts(3, 1, 1, 1, 1)
    assert store.counts_of([]) == PageCounts(0, 0, 0, 0, 0)


def test_controlled_of_gives_those_of_the_groups(database: Database) -> None:
    store = database.open()
    store.put_pages([page(number) for number in (1, 2, 3)])
    store.put_values({f"INTK.{number}": VALUES for number in (1, 2, 3)})
    store.put_changes([change("7", "control", number=number) for number in (3, 2, 1)])
    found = list(store.controlled_of([*(f"INTK.{number}" for number in range(2, 2 * CHUNK)), "INTK.3"], TEMPLATE))
    assert sorted(each.number for each, _ in found) == [2, 3]
    assert {record.control.text for _, record in found if record.control} == {"7"}
    assert list(store.controlled_of([], TEMPLATE)) == list(store.controlled_of(["INTK.1"], "another")) == []


def test_line_of_a_free_field_survives(database: Database) -> None:
    read = ReadLine(((0.1,) * 10, (0.999999999, *[0.0] * 9)), ("touching",), None, "model-1")
    cells = (StoredCell("digit", 20.5, None, read),)
    store = database.open()
    store.put_pages([page(1, fields=(StoredField("member", True, cells, b"crop"),))])
    assert store.fields("INTK.1")[0].cells == cells
    assert store.unread_pages(TEMPLATE, 10)[0][1].fields[0].cells == cells
