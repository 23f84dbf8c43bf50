"""The catalogue: every language has every text, with the same names to fill in, and each text is used."""

import re
from pathlib import Path

import pytest

WEBAPP = Path("mmdigit/webapp")
LANGUAGES = ("en", "de")
_ENTRY = re.compile(r'^  "([a-z0-9._-]+)":\s*(.*?),?$(?=\n  "|\n\};?|\n\}|\n  //|\n\n)', re.M | re.S)


def catalogue(language: str) -> dict[str, str]:
    """Each text by its key, as it stands in the file."""
    return {
        key: text
        for path in sorted((WEBAPP / "texts" / language).glob("*.js"))
        for key, text in _ENTRY.findall(path.read_text(encoding="utf-8"))
    }


def test_languages_have_the_same_texts() -> None:
    english, german = (catalogue(language) for language in LANGUAGES)
    assert english.keys() == german.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_are_read_whole(language: str) -> None:
    for path in (WEBAPP / "texts" / language).glob("*.js"):
        written = path.read_text(encoding="utf-8")
        assert len(_ENTRY.findall(written)) == len(re.findall(r'^  "', written, re.M)), path


def test_scripts_name_texts_that_are_there() -> None:
    known = catalogue("en")
    for path in (WEBAPP / "js").rglob("*.js"):
        for key in re.findall(r'\bt\("([a-z0-9._-]+)"', path.read_text(encoding="utf-8")):
            assert key in known, f"{path}: {key}"
