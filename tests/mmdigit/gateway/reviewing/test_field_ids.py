"""Ids of fields: what is one, and what never reaches the database."""

import pytest

from mmdigit.forms.store.review_port import FieldPlace
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.reviewing.field_ids import field_id, place_of

ADA = Principal("blue", SCOPES, "token:1")


def test_id_names_a_place_of_the_tenant() -> None:
    place = FieldPlace("blue:INTK.1", "items.1.count")
    assert field_id(ADA, place) == "INTK.1:items.1.count"
    assert place_of(ADA, "INTK.1:items.1.count") == place


@pytest.mark.parametrize("text", ["", ":", "INTK.1:", ":member", "INTK.1:mem\0ber", "INTK.1\0:member", "INTK.1:\ud800"])
def test_other_text_is_no_id(text: str) -> None:
    assert place_of(ADA, text) is None
