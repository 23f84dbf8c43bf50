"""python -m lab.benchmarks.forms.reviewing: how long a claim, a key and the list of groups take in a large group.

On SQLite, without HTTP, one person after the other. Each line: what it is, its median and largest wall time and its
mean CPU time, all in milliseconds. The group's pages are copies of the example form, a tenth of their fields in review.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mmdigit.forms.cells.crops import AROUND_MM, CROP_PX_PER_MM
from mmdigit.forms.fields.weighing import likely_texts
from mmdigit.forms.store.ports import PageStore, StoredCell, StoredField, StoredPage, StoredValue
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.layout import Slot, slots_of
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.gateway.access.entrance import LOOPBACK
from mmdigit.gateway.registry.ports import StoredGroup, number_of
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.reviewing.claiming import claim_work
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.keying import key_work
from mmdigit.gateway.reviewing.open_work import Sample
from mmdigit.gateway.reviewing.overview import reviewed_groups
from mmdigit.gateway.reviewing.showing import shown_claim
from schemas.review import Claim, ClaimRequest, DigitKey, Key, Keys

TEMPLATE = parse_template(example())
SLOTS = slots_of(TEMPLATE, 0)
TEXTS = {"check": "true", "date": "2024-02-27", "time": "12:34"}
SEED, AT_ONCE, TIMES = 20261129, 250, 50


def pages_of(count: int) -> Iterator[StoredPage]:
    crops = {slot.name: _crop(slot) for slot in SLOTS}
    cells = {slot.name: tuple(StoredCell("digit", 5.0, None) for _ in slot.boxes) for slot in SLOTS}
    fields = tuple(StoredField(slot.name, True, cells[slot.name], crops[slot.name]) for slot in SLOTS)
    first = StoredPage(
        "", TEMPLATE.form, TEMPLATE.revision, TEMPLATE.digest, "stack.pdf", "a" * 64, 0, "", datetime.now(UTC), "read",
        page=1, fields=fields,
    )  # fmt: skip
    for number in range(1, count + 1):
        yield replace(first, group=f"{TEMPLATE.form}.{number:06d}", number=number, serial=number)


def fill(store: PageStore, count: int) -> tuple[str, ...]:
    """Put that many pages with values; their groups."""
    chance, groups, batch = np.random.default_rng(SEED), list[str](), list[StoredPage]()
    for page in pages_of(count):
        batch.append(page)
        if len(batch) == AT_ONCE or page.number == count:
            store.put_pages(batch)
            store.put_values({each.group: [_value(slot, chance) for slot in SLOTS] for each in batch})
            groups += [each.group for each in batch]
            batch = []
    return tuple(groups)


def measured(name: str, step: Callable[[], object], times: int = TIMES) -> str:
    walls, cpu_s = [], time.process_time()
    for _ in range(times):
        began_s = time.perf_counter()
        step()
        walls.append(time.perf_counter() - began_s)
    cpu_ms = 1000 * (time.process_time() - cpu_s) / times
    shown = {"median_ms": 1000 * median(walls), "max_ms": 1000 * max(walls), "cpu_ms": cpu_ms}
    return json.dumps({"step": name, "times": times} | {key: round(value, 2) for key, value in shown.items()}) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms.reviewing", description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000, help=f"of {len(SLOTS)} fields each")
    given = parser.parse_args(argv)
    with TemporaryDirectory() as folder, ExitStack() as opened:
        url = f"sqlite:///{Path(folder) / 'forms.db'}"
        registry = opened.enter_context(open_registry(f"sqlite:///{Path(folder) / 'gateway.db'}"))
        store, review = opened.enter_context(open_page_store(url)), opened.enter_context(open_review_store(url))
        groups = fill(store, given.pages)
        kept = StoredGroup("", "g", "pages", given.pages, datetime.now(UTC), groups)
        registry.put_group(kept, map(number_of, groups))
        desk = opened.enter_context(ReviewDesk(registry, store, review, (TEMPLATE,), Sample(0.02, SEED), 300.0))
        for line in steps(desk):
            sys.stdout.write(line)
            sys.stdout.flush()
    return 0


def steps(desk: ReviewDesk) -> Iterator[str]:
    """One line for each step."""
    yield measured("first list of groups: the group is read", lambda: list(reviewed_groups(desk, "", ["g"], "Ada")), 1)
    yield measured("list of groups", lambda: list(reviewed_groups(desk, "", ["g"], "Ada")))
    claims: list[Claim] = []

    def claim(ask: ClaimRequest) -> None:
        made, work, got = claim_work(desk, LOOPBACK, "g", ask)
        claims.append(shown_claim(LOOPBACK, made, work, got, {}))

    yield measured("claim of 20 fields", lambda: claim(ClaimRequest(clerk="Ada")))
    fields = iter([(each.claim, field) for each in claims for field in each.fields])

    def key() -> None:
        name, field = next(fields)
        key_work(desk, LOOPBACK, name, Keys(fields=(Key(field=field.field, text=f"!{field.text}", seen=field.seen),)))

    yield measured("key", key, 500)
    yield measured("claim of 20 fields for control", lambda: claim(ClaimRequest(kind="control", clerk="Bo")), 20)
    claims.clear()
    yield measured("claim of 100 boxes", lambda: claim(ClaimRequest(kind="digits", digit=7, count=100)), 20)
    boxed = [each for each in claims if each.boxes]
    boxes = iter(boxed)

    def key_boxes() -> None:
        each = next(boxes)
        keys = tuple(DigitKey(field=box.field, box=box.box, digit=box.digit) for box in each.boxes)
        key_work(desk, LOOPBACK, each.claim, Keys(boxes=keys))

    yield measured("keys of 100 boxes", key_boxes, len(boxed))
    field, rows = SLOTS[0].field, np.full((len(SLOTS[0].boxes), 10), 0.02)
    rows[:, 3] = 0.82
    yield measured("alternatives of a field with a check digit", lambda: likely_texts(field, rows, 6))


def _crop(slot: Slot) -> bytes:
    around = slot.bounds.grown(AROUND_MM)
    height, width = around.bottom - around.top, around.right - around.left
    size = (round(height * CROP_PX_PER_MM), round(width * CROP_PX_PER_MM))
    return cv2.imencode(".png", np.full(size, 255, np.uint8))[1].tobytes()


def _value(slot: Slot, chance: np.random.Generator) -> StoredValue:
    field, decision = slot.field, "review" if chance.random() < 0.1 else "accept"
    text = TEXTS.get(field.type, "79927398"[: field.boxes.count])
    if field.type == "decimal":
        text = f"{text[: -field.decimals]}.{text[-field.decimals :]}"
    reasons = ("low_confidence",) if decision == "review" else ()
    return StoredValue(slot.name, text, decision, reasons, 0.99, "model")  # type: ignore[arg-type]


if __name__ == "__main__":
    raise SystemExit(main())
