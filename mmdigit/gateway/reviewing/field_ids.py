"""Ids of fields as their tenant knows them: PAGE:NAME, where PAGE is the page's group."""

from mmdigit.forms.store.review_port import FieldPlace
from mmdigit.gateway.access.principal import Principal


def field_id(principal: Principal, field: FieldPlace) -> str:
    """Raises ValueError if the page is another tenant's."""
    return f"{principal.shown(field.group)}:{field.name}"


def place_of(principal: Principal, field: str) -> FieldPlace | None:
    """None if it is no id."""
    page, _, name = field.rpartition(":")
    if not name.isprintable():  # no field's; PostgreSQL refuses a NUL in a query
        return None
    try:
        return FieldPlace(principal.stored(page), name) if name else None
    except ValueError:
        return None
