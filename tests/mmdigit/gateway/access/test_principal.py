"""How a tenant's ids are stored, and that no tenant can name another's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.gateway.access.principal import TENANT_PATTERN, Principal, is_tenant
from schemas.identifiers import is_identifier

LONGEST = "c" * 31


def principal(tenant: str) -> Principal:
    return Principal(tenant, frozenset({"read"}), "loopback")


tenants = st.one_of(st.just(""), st.from_regex(TENANT_PATTERN, fullmatch=True).filter(is_tenant)).map(principal)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,10}", fullmatch=True)


def test_stored_ids_have_the_tenant_as_prefix() -> None:
    assert principal("clinic").stored("a:1") == "clinic:a:1"
    assert principal("clinic").shown("clinic:a:1") == "a:1"
    assert principal("").stored("a-1") == principal("").shown("a-1") == "a-1"
    assert principal(LONGEST).stored("x" * 96) == f"{LONGEST}:{'x' * 96}"


@given(tenants, tenants, names)
def test_stored_ids_belong_to_one_tenant(one: Principal, other: Principal, name: str) -> None:
    try:
        stored = one.stored(name)
    except ValueError:
        assert one.tenant == ""
        assert ":" in name
        return
    assert is_identifier(stored)
    assert one.shown(stored) == name
    assert other.owns(stored) == (one == other)


@pytest.mark.parametrize(
    ("tenant", "name", "message"),
    [
        ("", "other:1", "an id without ':', .* got 'other:1'"),
        ("clinic", "x" * 122, "an id of at most 121 characters, got 122"),
        (LONGEST, "x" * 97, "an id of at most 96 characters, got 97"),
        ("", "x" * 129, "an id of 1-128 of"),
        ("clinic", ".hidden", "an id of 1-121 of .* got '.hidden'"),
        ("clinic", "", "got ''"),
        ("clinic", "a\x1b\n", r"got 'a\\\\x1b\\\\n'"),
    ],
)
def test_stored_refuses_other_ids(tenant: str, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        principal(tenant).stored(name)


@pytest.mark.parametrize(("tenant", "stored"), [("", "clinic:1"), ("clinic", "1"), ("clin", "clinic:1")])
def test_shown_refuses_ids_of_others(tenant: str, stored: str) -> None:
    with pytest.raises(ValueError, match="a stored id of the caller's tenant, got another's") as caught:
        principal(tenant).shown(stored)
    assert stored not in str(caught.value)


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a:b", "a" * 32, "a\n", "é"])
def test_is_tenant_refuses_other_names(name: str) -> None:
    assert not is_tenant(name)
