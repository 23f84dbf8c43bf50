"""Ids of what a request sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.intake.ids import new_id, stored_id
from mmdigit.gateway.problems import Problem
from schemas.identifiers import ID_DIGITS, id_of, is_identifier

Parts = list[str | bytes | None]
PARTS = st.lists(st.one_of(st.none(), st.text(max_size=9), st.binary(max_size=9)), max_size=4)


def test_new_ids_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_identifier(name) and len(name) == ID_DIGITS for name in ids)


@given(PARTS, PARTS)
def test_id_of_parts_is_the_same_for_the_same_parts_alone(
    one: list[str | bytes | None], two: list[str | bytes | None]
) -> None:
    def content(parts: Parts) -> list[bytes | None]:
        return [part.encode() if isinstance(part, str) else part for part in parts]

    assert (id_of(*one) == id_of(*two)) == (content(one) == content(two))
    assert is_identifier(id_of(*one))


@pytest.mark.parametrize("parts", [(("a", "b"), ("ab", "")), (("1:a",), ("a",)), (("", None), (None, ""))])
def test_id_of_parts_tells_where_they_end(parts: tuple[tuple[str | None, ...], tuple[str | None, ...]]) -> None:
    assert id_of(*parts[0]) != id_of(*parts[1])


@pytest.mark.parametrize("name", ["", "a:b", "-a", "a b", "a" * 200, "ä"])
def test_stored_id_refuses_what_a_caller_may_not_use(name: str) -> None:
    with pytest.raises(Problem, match=r"^job_id: expected") as error:
        stored_id(Principal("", SCOPES, "x"), name, "job_id")
    assert error.value.status == 422


def test_stored_id_names_the_tenant() -> None:
    assert stored_id(Principal("team", SCOPES, "x"), "a", "job_id") == "team:a"
    assert stored_id(Principal("", SCOPES, "x"), "a", "job_id") == "a"
