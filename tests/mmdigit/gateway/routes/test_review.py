"""Reviewing over HTTP: who gets what, what becomes of keys, undo, and what nobody may see."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.spoken.heard import HeardBox, HeardField
from mmdigit.forms.store.ports import Change, NewChange, StoredCell
from mmdigit.gateway.access.principal import SCOPES, Principal
from schemas.review import MAX_CLAIMED
from tests.mmdigit.forms.written import FREE, TEMPLATE
from tests.mmdigit.gateway.reviewed import (
    MEMBER,
    SOUND,
    Clerk,
    Reading,
    accepted,
    kept_page,
    put_group,
    put_predictions,
)
from tests.mmdigit.gateway.served import LEASE_S, Served, served

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
TWICE = TEMPLATE.model_copy(
    update={
        "pages": tuple(
            page.model_copy(
                update={
                    "fields": tuple(
                        field.model_copy(update={"keyed_by": 2 if field.name == "arrived" else 1})
                        for field in page.fields
                    )
                }
            )
            for page in TEMPLATE.pages
        )
    }
)
As = Callable[..., Clerk]


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(name="gateway")
def running(tmp_path: Path, time: Time) -> Iterator[Served]:
    with served(tmp_path, templates=(TWICE,), clock=time, control_share=1.0) as gateway:
        yield gateway


@pytest.fixture(name="clerk")
def people(gateway: Served) -> Iterator[As]:
    """clerk("Ada"): somebody with a browser of their own."""
    with ExitStack() as opened:
        yield lambda name=None, group="g", **options: Clerk(
            opened.enter_context(gateway.client(**options)), name, group
        )


def put(gateway: Served, pages: dict[int, dict[str, Reading]], **more: Any) -> None:
    put_group(gateway, pages, template=TWICE, **more)


def test_claim_shows_fields_of_nearly_done_forms_first(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("1"), "born": Reading("2")}, 2: {"amount": Reading("0012.50")}})
    ada = clerk("Ada")
    field, *rest = ada.claim()
    assert [(each["serial"], each["name"]) for each in rest] == [(1, "member"), (1, "born")]
    known = {
        "field": "INTK.2:amount", "serial": 2, "page": 1, "name": "amount", "label": "Amount", "type": "decimal",
        "count": 6, "text": "0012.50", "seen": 0,
    }  # fmt: skip
    assert {name: field[name] for name in known} == known
    assert (field["reasons"], field["chance"], field["alternatives"]) == (["low_confidence"], 0.9, [])
    assert rest[0]["checks"] == "luhn"
    assert ada.claimed["clerk"] == "Ada"
    assert datetime.fromisoformat(ada.claimed["expires_at"]) == START + timedelta(seconds=LEASE_S)


def test_claim_says_what_was_heard_and_gives_the_sound(gateway: Served, clerk: As) -> None:
    heard = {
        "member": HeardField("*", (HeardBox(7, 0.25, 0.75, 0, 1), HeardBox(4, 0.75, 1.0, 1, None)), None),
        "born": HeardField(None, (), "not_heard"),
        "arrived": HeardField("arrived", (HeardBox(3, 0.0, 0.5),), "spoken_differs"),
    }
    readings = {name: Reading("1") for name in ("member", "born", "amount")}
    put(gateway, {1: {**readings, "arrived": accepted("12:30")}}, heard=heard)
    ada = clerk("Ada")
    fields = {each["name"]: each for each in ada.claim()}
    assert fields["member"]["sound"]["digits"] == [
        {"heard": 7, "start_s": 0.25, "end_s": 0.75, "box": 0, "written": 1},
        {"heard": 4, "start_s": 0.75, "end_s": 1.0, "box": 1, "written": None},
    ]
    assert fields["born"]["sound"] is fields["amount"]["sound"] is None
    response = ada.sound(fields["member"])
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, SOUND, "audio/wav")
    assert response.headers["cache-control"] == "no-store"
    for field in (fields["born"], fields["amount"], {"field": "INTK.7:member"}, {"field": "no id"}):
        assert ada.sound(field).status_code == 404
    put(gateway, {3: {}}, name="other")
    assert clerk("Ada", "other").sound(fields["member"]).status_code == 404  # of another group
    blind = {each["name"]: each for each in clerk("Bo").claim("control", 200)}
    assert blind["arrived"]["sound"] == {"digits": []}
    assert clerk("Bo").sound(blind["arrived"]).content == SOUND


def test_sound_of_another_tenant_is_not_found(tmp_path: Path) -> None:
    heard = {"member": HeardField("*", ())}
    with served(tmp_path, templates=(TWICE,), login=True) as gateway:
        put(gateway, {1: {"member": Reading(MEMBER)}}, tenant="blue", heard=heard)
        put(gateway, {2: {"member": Reading(MEMBER)}}, tenant="red", heard=heard)
        found = {}
        for tenant in ("blue", "red"):
            with gateway.client(headers=gateway.token(tenant, "review")) as client:
                person = Clerk(client)
                found[tenant] = [person.sound({"field": f"INTK.{number}:member"}).status_code for number in (1, 2)]
                assert person.sound({"field": "blue:INTK.1:member"}).status_code == 404
        assert found == {"blue": [200, 404], "red": [404, 200]}


def test_claim_says_where_the_boxes_are(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"amount": Reading("12.50")}})
    [field] = clerk("Ada").claim()
    image = picture(field["crop"])
    assert [box["digit"] for box in field["boxes"]] == [None, None, 1, 2, 5, 0]
    for box in field["boxes"]:
        inside = image[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]]
        [[row, column]] = np.argwhere(inside == 0)
        assert abs(row - inside.shape[0] / 2) <= 1
        assert abs(column - inside.shape[1] / 2) <= 1


def picture(text: str) -> Any:
    return cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_GRAYSCALE)


def test_claim_offers_likely_values_that_pass_the_checks(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("90481774")}})
    rows = [{int(digit): 0.99} for digit in "90481"] + [{7: 0.5, 1: 0.4}, {7: 0.5, 1: 0.4}, {4: 0.9, 9: 0.05}]
    put_predictions(gateway, 1, "member", rows)
    [field] = clerk("Ada").claim()
    assert field["alternatives"][0] == "90481714"
    assert "90481774" not in field["alternatives"]


def test_claim_shows_a_free_field_as_a_whole(tmp_path: Path, time: Time) -> None:
    rows = tuple(tuple(0.91 if int(each) == digit else 0.01 for digit in range(10)) for each in MEMBER)
    line = ReadLine(rows, (), 1, "m")
    with served(tmp_path, templates=(FREE,), clock=time) as gateway:
        assert gateway.services.forms is not None
        page = kept_page(1, FREE)
        member = replace(page.fields[0], cells=(StoredCell("digit", 20.0, None, line),))
        gateway.services.forms.store.put_pages([replace(page, fields=(member, *page.fields[1:]))])
        put_group(gateway, {1: {"member": Reading("90481774")}}, template=FREE)
        with gateway.client() as client:
            ada = Clerk(client)
            [field] = ada.claim()
            assert (field["type"], field["count"], len(field["boxes"])) == ("digits", 8, 1)
            assert field["boxes"][0]["digit"] is None
            assert field["alternatives"][0] == MEMBER
            assert ada.claim("digits", digit=int(MEMBER[0])) == []


def test_two_people_never_get_the_same(gateway: Served, clerk: As) -> None:
    put(gateway, {number: {"member": Reading("1"), "born": Reading("2")} for number in range(1, 31)})
    got: list[str] = []

    def work(person: Clerk) -> None:
        for _ in range(5):
            got.extend(field["field"] for field in person.claim(count=3))

    threads = [threading.Thread(target=work, args=(clerk(name),)) for name in ("Ada", "Bo", "Di", "Eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == len(set(got)) == 60


def test_claim_of_nothing_left_is_empty(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("1")}})
    ada, bo = clerk("Ada"), clerk("Bo")
    assert len(ada.claim()) == 1
    assert bo.claim() == []
    assert bo.client.delete(f"/v1/review/claims/{bo.claimed['claim']}").status_code == 204
    put(gateway, {2: {"member": Reading("1")}})
    assert len(bo.claim()) == 1


def test_expired_lease_frees_the_field(gateway: Served, clerk: As, time: Time) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    ada, bo = clerk("Ada"), clerk("Bo")
    [field] = ada.claim()
    time.pass_s(LEASE_S - 1)
    assert bo.claim() == []
    assert ada.client.put(f"/v1/review/claims/{ada.claimed['claim']}").json()["expires_at"] == stamp(time, LEASE_S)
    time.pass_s(LEASE_S - 1)
    assert bo.claim() == []
    time.pass_s(1)
    assert [each["field"] for each in bo.claim()] == [field["field"]]
    assert ada.key(field, "ok")["outcome"] == "not_claimed"
    assert bo.key(field, "ok")["outcome"] == "kept"
    assert ada.key(field, "ok")["outcome"] == "not_claimed"


def stamp(time: Time, later_s: float) -> str:
    return (time.now + timedelta(seconds=later_s)).isoformat().replace("+00:00", "Z")


def test_late_key_counts_if_nobody_else_has_the_field(gateway: Served, clerk: As, time: Time) -> None:
    put(gateway, {1: {"member": Reading(MEMBER), "born": Reading("2024-02-27")}})
    ada = clerk("Ada")
    first, second = ada.claim()
    time.pass_s(2 * LEASE_S)
    assert ada.key(first, "ok")["outcome"] == "kept"
    assert clerk("Bo").claim() == []  # the key has renewed the claim
    assert second["name"] == "born"


def test_released_fields_are_free(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("1")}})
    ada = clerk("Ada")
    [field] = ada.claim()
    path = f"/v1/review/claims/{ada.claimed['claim']}"
    assert [ada.client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert ada.client.put(path).status_code == 404
    assert ada.send([{"field": field["field"], "text": "ok"}]).status_code == 404
    assert len(clerk("Bo").claim()) == 1


def test_keys_are_checked_and_lose_nothing(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("9048?714"), "amount": Reading("0012.50"), "born": Reading("2024-02-27")}})
    ada = clerk("Ada")
    member, born, amount = ada.claim()
    sent = ada.send(
        [
            {"field": member["field"], "text": "12345678"},
            {"field": amount["field"], "text": "12,5"},
            {"field": born["field"], "text": "ok"},
            {"field": "INTK.1:unknown", "text": "1"},
            {"field": "nonsense", "text": "1"},
        ]
    ).json()
    assert [result["outcome"] for result in sent["results"]] == [
        "refused",
        "kept",
        "kept",
        "not_claimed",
        "not_claimed",
    ]
    assert [result["value"] for result in sent["results"]] == [None, "0012.50", "2024-02-27", None, None]
    assert "type !12345678 to keep it" in sent["results"][0]["error"]
    assert sent["left"]["review"] == 1
    assert ada.key(member, "ok")["error"].startswith("expected the value")
    kept = ada.key(member, "!12345678")
    assert (kept["outcome"], kept["value"], kept["seen"], ada.left()["review"]) == ("kept", "12345678", 1, 0)
    assert ada.key(member, "!12345678")["outcome"] == "known"
    assert ada.key(member, "_2345678")["outcome"] == "outdated"
    assert ada.key(kept | {"field": member["field"]}, "_2345678")["value"] == "2345678"


def test_key_after_somebody_elses_change_is_outdated(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    ada = clerk("Ada")
    [field] = ada.claim()
    assert gateway.services.forms is not None
    gateway.services.forms.store.put_changes([NewChange("INTK.1", "member", Change("correction", "77", "CLI", START))])
    result = ada.key(field, "ok")
    assert (result["outcome"], result["value"], result["seen"]) == ("outdated", "77", 1)
    assert "somebody has changed it" in result["error"]


def test_refused_key_renews_the_claim_too(gateway: Served, clerk: As, time: Time) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    ada = clerk("Ada")
    [field] = ada.claim()
    time.pass_s(LEASE_S - 1)
    assert ada.key(field, "1")["outcome"] == "refused"
    time.pass_s(LEASE_S - 1)
    assert clerk("Bo").claim() == []


def test_control_that_differs_does_not_show_in_what_is_left(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": accepted(MEMBER)}})
    ada, bo = clerk("Ada"), clerk("Bo")
    [field] = [each for each in ada.claim("control", 200) if each["name"] == "member"]
    left = ada.send([{"field": field["field"], "text": "!90481715"}]).json()["left"]
    assert (left["control"], left["second"], ada.left()["second"], bo.left()["second"]) == (20, 0, 0, 1)


def test_undo_takes_back_ones_own_last_key(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    ada, bo = clerk("Ada"), clerk("Bo")
    [field] = ada.claim()
    assert ada.key(field, undo=True)["outcome"] == "outdated"
    kept = ada.key(field, "!12345678") | {"field": field["field"]}
    undone = ada.key(kept, undo=True)
    assert (undone["outcome"], undone["value"], undone["seen"], ada.left()["review"]) == ("kept", MEMBER, 2, 1)
    assert ada.key(kept, undo=True)["outcome"] == "known"
    assert bo.claim() == []  # Ada holds it again
    assert ada.key(undone, "ok")["outcome"] == "kept"
    changes = ada.history(field).json()["changes"]
    assert [(each["kind"], each["by"], each["before"], each["after"]) for each in changes] == [
        ("read", "model-1", "", MEMBER),
        ("correction", "Ada", MEMBER, "12345678"),
        ("undo", "Ada", "12345678", MEMBER),
        ("correction", "Ada", MEMBER, MEMBER),
    ]


def test_control_tells_nothing_of_what_was_read(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"amount": accepted("0012.50"), "member": accepted(MEMBER)}})
    ada = clerk("Ada")
    fields = {field["name"]: field for field in ada.claim("control", 200)}
    assert len(fields) == 21  # blank ones, too
    for field in fields.values():
        assert (field["text"], field["chance"], field["reasons"], field["alternatives"]) == (None, None, [], [])
        assert {box["digit"] for box in field["boxes"]} == {None}
    same, other = ada.key(fields["amount"], "12.5"), ada.key(fields["member"], "!90481715")
    assert (same["outcome"], same["value"]) == ("kept", "12.50")
    assert (other["outcome"], other["value"]) == ("kept", "90481715")
    assert ada.left() == {"review": 0, "control": 19, "second": 0, "digits": [0] * 10}
    assert ada.history(fields["born"]).status_code == 409
    assert ada.history(fields["amount"]).status_code == 200
    [change] = gateway.services.forms.store.records(["INTK.1"])["INTK.1"]["amount"].changes  # type: ignore[union-attr]
    assert (change.kind, change.text, change.share) == ("control", "0012.50", 1.0)


def test_second_person_keys_what_differs(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": accepted(MEMBER)}})
    ada, bo, di = clerk("Ada"), clerk("Bo"), clerk("Di")
    [first] = [field for field in ada.claim("control", 200) if field["name"] == "member"]
    ada.key(first, "!90481715")
    assert ada.claim("second") == []
    [field] = bo.claim("second")
    assert (field["text"], field["alternatives"], field["seen"]) == (None, [], 1)
    assert bo.history(field).status_code == 409
    again = bo.key(field, "!90481716")
    assert (again["outcome"], again["value"], bo.left()["review"]) == ("kept", "90481716", 1)
    assert [each.claim() for each in (clerk("Ada"), bo)] == [[], []]
    [field] = di.claim()
    assert (field["text"], field["alternatives"][:2]) == (MEMBER, ["90481715", "90481716"])
    assert di.key(field, "ok")["outcome"] == "kept"
    assert di.left()["review"] == 0


def test_second_person_who_agrees_settles_it(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": accepted(MEMBER), "amount": accepted("12.50")}})
    ada, bo = clerk("Ada"), clerk("Bo")
    fields = {field["name"]: field for field in ada.claim("control", 200)}
    ada.key(fields["member"], "!90481715")
    ada.key(fields["amount"], "13.50")
    for field in bo.claim("second"):
        bo.key(field, "!90481715" if field["name"] == "member" else "12.50")
    left = bo.left()
    assert (left["second"], left["review"]) == (0, 0)
    records = gateway.services.forms.store.records(["INTK.1"])["INTK.1"]  # type: ignore[union-attr]
    assert [(records[name].text, records[name].decision) for name in ("member", "amount")] == [
        ("90481715", "accept"), ("12.50", "accept"),
    ]  # fmt: skip


def test_field_that_two_people_key_asks_for_a_second(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"arrived": Reading("12:34")}})
    ada, bo = clerk("Ada"), clerk("Bo")
    [field] = ada.claim()
    first = ada.key(field, "12:35")
    assert (first["outcome"], first["value"]) == ("needs_second", "12:35")
    assert ada.key(field, "12:35")["outcome"] == "known"
    assert (ada.claim("second"), ada.claim()) == ([], [])
    [blind] = bo.claim("second")
    assert blind["text"] is None
    assert bo.key(blind, "1235")["outcome"] == "kept"
    changes = bo.history(blind).json()["changes"]
    assert [(each["kind"], each["by"], each["after"]) for each in changes[1:]] == [
        ("first", "Ada", "12:35"), ("second", "Bo", "12:35"),
    ]  # fmt: skip
    assert bo.left()["second"] == bo.left()["review"] == 0


def test_undo_of_a_first_key_is_refused_once_it_is_seconded(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"arrived": Reading("12:34")}})
    ada, bo = clerk("Ada"), clerk("Bo")
    [field] = ada.claim()
    first = ada.key(field, "12:35") | {"field": field["field"]}
    bo.claim("second")
    assert ada.key(first, undo=True)["outcome"] == "not_claimed"


def test_digits_are_confirmed_box_by_box(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("90481774"), "amount": Reading("0004.50", reasons=("corrected",))}})
    ada, bo = clerk("Ada"), clerk("Bo")
    assert ada.left()["digits"] == [1, 1, 0, 0, 2, 0, 0, 2, 1, 1]
    sevens = ada.claim("digits", digit=7)
    assert [(box["field"], box["box"], box["digit"]) for box in sevens] == [("INTK.1:member", box, 7) for box in (5, 6)]
    assert {(box["serial"], box["page"], box["name"], box["label"]) for box in sevens} == {
        (1, 1, "member", "Membership number")
    }
    assert picture(sevens[0]["crop"]).shape[1] < 50
    assert [field["name"] for field in bo.claim()] == ["amount"]
    assert bo.claim("digits", digit=7) == []
    said = [
        {"field": box["field"], "box": box["box"], "digit": digit} for box, digit in zip(sevens, (7, 1), strict=True)
    ]
    assert [each["outcome"] for each in ada.send(boxes=said).json()["results"]] == ["kept", "kept"]
    assert [each["outcome"] for each in ada.send(boxes=said).json()["results"]] == ["known", "known"]
    result: dict[str, Any] = {}
    for digit in (0, 1, 4, 8, 9):
        boxes = bo.claim("digits", digit=digit)
        assert result.get("value") is None
        sent = bo.send(boxes=[{"field": box["field"], "box": box["box"], "digit": digit} for box in boxes]).json()
        result = sent["results"][-1]
    assert (result["outcome"], result["value"], result["seen"]) == ("kept", "90481714", 1)
    changes = bo.history({"field": "INTK.1:member"}).json()["changes"]
    assert [(each["kind"], each["by"]) for each in changes] == [("read", "model-1"), ("correction", "Bo")]
    assert bo.left()["digits"] == [0] * 10
    undone = bo.key({"field": "INTK.1:member", "seen": 1}, undo=True)
    assert (undone["outcome"], bo.left()["review"]) == ("kept", 2)


def test_digits_claim_says_nothing_of_the_whole_field(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    ada, bo = clerk("Ada"), clerk("Bo")
    ada.claim("digits", digit=7)
    bo.claim("digits", digit=4)
    assert ada.key({"field": "INTK.1:member", "seen": 0}, "!12345678")["outcome"] == "not_claimed"


def test_box_that_is_sent_again_ends_no_field(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("11111111")}})
    ada = clerk("Ada")
    boxes = ada.claim("digits", digit=1)
    assert {box["seen"] for box in boxes} == {0}
    said = [
        {"field": box["field"], "box": box["box"], "digit": digit}
        for box, digit in zip(boxes, map(int, MEMBER), strict=True)
    ]
    assert ada.send(boxes=said).json()["results"][-1]["value"] == MEMBER
    assert ada.key({"field": "INTK.1:member", "seen": 1}, undo=True)["outcome"] == "kept"
    again = ada.send(boxes=said[-1:]).json()["results"][0]
    assert (again["outcome"], again["value"], again["seen"]) == ("known", None, 2)
    new = ada.send(boxes=[said[-1] | {"seen": 1}]).json()["results"][0]
    assert (new["outcome"], new["value"], new["seen"]) == ("kept", MEMBER, 3)
    old = ada.send(boxes=[said[-1] | {"seen": 1, "digit": 9}]).json()["results"][0]
    assert (old["outcome"], len(ada.history({"field": "INTK.1:member"}).json()["changes"])) == ("outdated", 4)


def test_digits_that_make_no_value_stay_in_review(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("11111111")}, 2: {"member": Reading("22222222")}})
    ada = clerk("Ada")
    for digit, said in ((1, 1), (2, None)):
        boxes = ada.claim("digits", digit=digit)
        sent = ada.send(boxes=[{"field": box["field"], "box": box["box"], "digit": said} for box in boxes]).json()
        assert {result["outcome"] for result in sent["results"]} == {"kept"}
        assert sent["results"][-1]["value"] is None
        assert sent["results"][-1]["error"].startswith("expected a ")
    assert (ada.left()["review"], ada.left()["digits"]) == (2, [0] * 10)
    assert len(ada.claim()) == 2


def test_groups_say_who_is_on_what(gateway: Served, clerk: As, time: Time) -> None:
    put(gateway, {1: {"member": Reading(MEMBER), "born": Reading("1"), "amount": Reading("2")}})
    ada, bo = clerk("Ada"), clerk("Bo")
    fields = ada.claim(count=2)
    bo.claim()
    for field in fields:
        ada.key(field, "blank")
        time.pass_s(4)
    [group] = ada.client.get("/v1/review/groups").json()["groups"]
    assert (group["group"], group["form"], group["fields"], group["left"]["review"]) == ("g", "INTK", 21, 1)
    assert group["clerks"] == [
        {"clerk": "Ada", "keyed": 2, "seconds": 4.0, "holds": 0, "last_at": stamp(time, -4)},
        {"clerk": "Bo", "keyed": 0, "seconds": None, "holds": 1, "last_at": None},
    ]


def test_strange_requests_are_problems(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading("1")}})
    ada = clerk("Ada")
    assert ada.ask(count=MAX_CLAIMED + 1).status_code == 422
    assert ada.ask("digits").json()["detail"].startswith("digit: expected the digit")
    assert ada.ask("review", digit=3).status_code == 422
    assert ada.ask("digits", digit=10).status_code == 422
    assert ada.ask("sleep").status_code == 422
    assert (
        ada.ask(form="NONE").json()["detail"] == "form: expected one that the group has values of, got NONE; change it"
    )
    assert ada.client.post("/v1/review/groups/g/claims", content=b"{").status_code == 422
    assert clerk("Ada", "none").ask().status_code == 404
    [field] = ada.claim()
    assert ada.send([{"field": field["field"], "text": "1" * 65}]).status_code == 422
    assert ada.send([{"field": field["field"]}] * (MAX_CLAIMED + 1)).status_code == 422
    assert ada.send([{"field": "x" * 257}]).status_code == 422
    assert ada.send(boxes=[{"field": "x", "box": 256, "digit": 1}]).status_code == 422
    assert ada.key({"field": "INTK.1:mem\0ber", "seen": 0})["outcome"] == "not_claimed"
    for other in ("INTK.1:none", "INTK.9:member", "x", ":", "a:b:c", "INTK.1:mem%00ber"):
        assert ada.history({"field": other}).status_code == 404
    assert ada.client.post("/v1/review/claims/none/keys", json={}).status_code == 404


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b'{"count": ' + b"1" * 5000 + b"}", "a number of too many digits"),
        (b'{"kind": "\xff"}', "one that is not in UTF-8"),
        (b"[" * 50_000, "one that is nested too deeply"),
    ],
)
def test_body_beyond_the_limits_of_json_is_told(clerk: As, body: bytes, got: str) -> None:
    answer = clerk("Ada").client.post(
        "/v1/review/groups/g/claims", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["detail"]) == (400, f"expected a body of JSON, got {got}; change it")


def test_group_of_jobs_is_not_reviewed(gateway: Served, clerk: As) -> None:
    ada = clerk("Ada", "jobs")
    ada.client.post(
        "/v1/batches?group=jobs", content=b'{"image":"NA=="}', headers={"Content-Type": "application/x-ndjson"}
    )
    assert ada.ask().status_code == 404
    assert ada.client.get("/v1/review/groups").json() == {"groups": []}


def test_gateway_without_forms_reviews_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as gateway, gateway.client() as client:
        assert client.get("/v1/review/groups").status_code == 404


def test_tenants_review_their_own_alone(gateway: Served, clerk: As) -> None:
    for tenant in ("blue", "red"):
        put(gateway, {1: {"member": Reading(MEMBER)}}, tenant=tenant)
    blue, red = Principal("blue", SCOPES, "token:b", "Blue clerk"), Principal("red", SCOPES, "token:r", "Red clerk")
    gateway.principal = blue
    ada = clerk("ignored")
    [field] = ada.claim()
    assert (field["field"], ada.claimed["clerk"]) == ("INTK.1:member", "Blue clerk")
    path = f"/v1/review/claims/{ada.claimed['claim']}"
    for stranger in (red, Principal("blue", SCOPES, "token:b2", "Blue clerk"), Principal("", SCOPES, "token:x", "X")):
        gateway.principal = stranger
        assert ada.client.put(path).status_code == 404
        assert ada.client.delete(path).status_code == 404
        assert ada.send([{"field": field["field"], "text": "ok"}]).status_code == 404
    gateway.principal = Principal("", SCOPES, "token:x", "X")
    assert ada.client.get("/v1/review/groups").json() == {"groups": []}
    assert ada.ask().status_code == 404
    assert ada.history(field).status_code == 404
    gateway.principal = red
    [theirs] = ada.claim()
    assert ada.key(theirs, "!12345678")["outcome"] == "kept"
    assert ada.key({"field": "blue:INTK.1:member", "seen": 0}, "ok")["outcome"] == "not_claimed"
    gateway.principal = blue
    assert len(ada.history(field).json()["changes"]) == 1
    [group] = ada.client.get("/v1/review/groups").json()["groups"]
    assert (group["left"]["review"], [each["clerk"] for each in group["clerks"]]) == (1, ["Blue clerk"])


def test_field_of_another_group_is_not_found(gateway: Served, clerk: As) -> None:
    put(gateway, {1: {"member": Reading(MEMBER)}})
    put(gateway, {2: {"member": Reading(MEMBER)}}, name="h")
    assert clerk("Ada", "h").history({"field": "INTK.1:member"}).status_code == 404
    assert clerk("Ada", "h").history({"field": "INTK.2:member"}).status_code == 200


def test_review_needs_its_scope(tmp_path: Path) -> None:
    with served(tmp_path, templates=(TWICE,), login=True) as gateway:
        put(gateway, {1: {"member": Reading(MEMBER)}})
        with gateway.client(headers=gateway.token("", "read", "submit")) as client:
            ways = [
                client.get("/v1/review/groups"),
                client.post("/v1/review/groups/g/claims", json={}),
                client.put("/v1/review/claims/x"),
                client.delete("/v1/review/claims/x"),
                client.post("/v1/review/claims/x/keys", json={}),
                client.get("/v1/review/groups/g/fields/INTK.1:member/history"),
                client.get("/v1/review/groups/g/fields/INTK.1:member/sound"),
            ]
            assert {way.status_code for way in ways} == {403}
        with gateway.client(headers=gateway.token("", "review")) as client:
            person = Clerk(client, "Ada")
            assert len(person.claim()) == 1
            assert person.claimed["clerk"] == "test"  # the token's name
        with gateway.client() as client:
            assert client.get("/v1/review/groups").status_code == 401
