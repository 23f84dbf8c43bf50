"""The default group of a source is an identifier."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from producer.sources.group_names import group_of_path
from schemas.identifiers import is_identifier


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_group_of_path_is_an_identifier_for_any_name(name: str) -> None:
    assert is_identifier(group_of_path(Path("/data") / name))
