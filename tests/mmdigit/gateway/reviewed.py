"""A group of filled forms with values, and people who review it over HTTP, for the tests of reviewing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import httpx
import numpy as np

from mmdigit.forms.cells.crops import CROP_PX_PER_MM
from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.ports import PageStore, StoredCell, StoredField, StoredPage, StoredValue
from mmdigit.forms.store.review_port import ReviewStore
from mmdigit.forms.template.layout import Slot, slots_of
from mmdigit.forms.template.template import Template
from mmdigit.gateway.registry.ports import Registry, StoredGroup, number_of
from mmdigit.reading.audio.wav_writing import pcm_wav
from schemas.prediction import Decision
from tests.mmdigit.forms.store.kept import NOW, form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE
from tests.mmdigit.gateway.served import Served

UNSURE: tuple[FieldReason, ...] = ("low_confidence",)
MEMBER = "90481714"  # passes luhn
SOUND = pcm_wav(bytes(16_000), 8000)


@dataclass
class Reading:
    """What the model read in one field."""

    text: str
    decision: Decision = "review"
    reasons: tuple[FieldReason, ...] = UNSURE


def accepted(text: str) -> Reading:
    return Reading(text, "accept", ())


def crop(slot: Slot) -> bytes:
    """White, as large as crop_of makes it, with a black pixel in the middle of each box."""
    around = slot.bounds.grown(1.5)
    size = (round((around.bottom - around.top) * CROP_PX_PER_MM), round((around.right - around.left) * CROP_PX_PER_MM))
    image = np.full(size, 255, np.uint8)
    for box in slot.boxes:
        row, column = (box.top + box.bottom) / 2 - around.top, (box.left + box.right) / 2 - around.left
        image[round(row * CROP_PX_PER_MM), round(column * CROP_PX_PER_MM)] = 0
    return cv2.imencode(".png", image)[1].tobytes()


def kept_page(number: int, template: Template = TEMPLATE, tenant: str = "") -> StoredPage:
    """Every box of it written; its jobs are named PAGE.FIELD.BOX."""
    fields = []
    for slot in slots_of(template, 0):
        cells = tuple(StoredCell("digit", 5.0, f"{number}.{slot.name}.{box}") for box in range(len(slot.boxes)))
        fields.append(StoredField(slot.name, True, cells, crop(slot)))
    prefix = f"{tenant}:" if tenant else ""
    return form_page(
        number,
        group=f"{prefix}{template.form}.{number}",
        template=template.digest,
        form=template.form,
        fields=tuple(fields),
    )


@dataclass
class Databases:
    """What desks of gateways share."""

    registry: Registry
    pages: PageStore
    review: ReviewStore


def put_group(
    gateway: Served | Databases,
    pages: dict[int, dict[str, Reading]],
    name: str = "g",
    tenant: str = "",
    template: Template = TEMPLATE,
    heard: Mapping[str, HeardField] | None = None,
) -> None:
    """A group with pages by number, and what was read in their fields; the fields that are not named are accepted
    blanks. heard: in the recordings of each page, whose sounds are SOUND."""
    if isinstance(gateway, Databases):
        store = gateway.pages
    else:
        assert gateway.services.forms is not None
        store = gateway.services.forms.store
    kept = {number: kept_page(number, template, tenant) for number in pages}
    if heard is not None:
        sounds = {field.sound: SOUND for field in heard.values() if field.sound is not None}
        kept = {number: replace(page, heard=heard, sounds=sounds) for number, page in kept.items()}
    store.put_pages(list(kept.values()))
    values = {}
    for number, page in kept.items():
        readings = {field.name: pages[number].get(field.name, accepted("")) for field in page.fields}
        values[page.group] = [
            StoredValue(each, reading.text, reading.decision, reading.reasons, 0.9, "model-1")
            for each, reading in readings.items()
        ]
    store.put_values(values)
    groups = tuple(page.group for page in kept.values())
    group = StoredGroup(tenant, name, "pages", len(groups), NOW, groups)
    gateway.registry.put_group(group, [number_of(each) for each in groups])


def put_predictions(gateway: Served, number: int, name: str, probabilities: list[dict[int, float]]) -> None:
    """Of the boxes of one field; the rest of each row is spread."""
    found = []
    for box, row in enumerate(probabilities):
        rest = (1 - sum(row.values())) / (10 - len(row))
        each = tuple(row.get(digit, rest) for digit in range(10))
        label = each.index(max(each))
        found.append(
            prediction(f"{number}.{name}.{box}", label).model_copy(update={"probabilities": each, "label": label})
        )
    gateway.store.put(found)


class Clerk:
    """Somebody who reviews a group."""

    def __init__(self, client: httpx.Client, name: str | None = None, group: str = "g") -> None:
        self.client, self.name, self.group = client, name, group
        self.claimed: dict[str, Any] = {}

    def ask(self, kind: str = "review", count: int = 20, **more: Any) -> httpx.Response:
        body = {"kind": kind, "count": count, **more} | ({"clerk": self.name} if self.name else {})
        return self.client.post(f"/v1/review/groups/{self.group}/claims", json=body)

    def claim(self, kind: str = "review", count: int = 20, **more: Any) -> list[dict[str, Any]]:
        """The fields or boxes."""
        response = self.ask(kind, count, **more)
        assert response.status_code == 200, response.text
        self.claimed = response.json()
        return list(self.claimed["boxes" if kind == "digits" else "fields"])

    def send(
        self, fields: list[dict[str, Any]] | None = None, boxes: list[dict[str, Any]] | None = None
    ) -> httpx.Response:
        return self.client.post(
            f"/v1/review/claims/{self.claimed['claim']}/keys", json={"fields": fields or [], "boxes": boxes or []}
        )

    def key(self, field: dict[str, Any], text: str = "", **more: Any) -> dict[str, Any]:
        """What became of one key."""
        response = self.send([{"field": field["field"], "text": text, "seen": field["seen"], **more}])
        assert response.status_code == 200, response.text
        [result] = response.json()["results"]
        return dict(result)

    def history(self, field: dict[str, Any]) -> httpx.Response:
        return self.client.get(f"/v1/review/groups/{self.group}/fields/{field['field']}/history")

    def sound(self, field: dict[str, Any]) -> httpx.Response:
        return self.client.get(f"/v1/review/groups/{self.group}/fields/{field['field']}/sound")

    def left(self) -> dict[str, Any]:
        asked = self.client.get("/v1/review/groups", params={"clerk": self.name} if self.name else {})
        [group] = [each for each in asked.json()["groups"] if each["group"] == self.group]
        return dict(group["left"])
