"""What make audit says of what pip-audit found, or could not look up."""

from typing import Any

from deploy.audit import report

CLEAN: dict[str, Any] = {"name": "numpy", "version": "2.4.6", "vulns": []}
FLAWED = {"name": "redis", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNREACHED = {"name": "pillow", "skip_reason": "Dependency not found"}


def test_a_known_vulnerability_fails_and_names_the_way_out() -> None:
    code, text = report({"dependencies": [CLEAN, FLAWED]})
    assert (code, text.splitlines()) == (
        1,
        ["redis 1.0: PYSEC-1, mended in 1.1", "audit: 2 of 2 packages looked up, 1 known vulnerabilities"],
    )


def test_nothing_known_passes() -> None:
    assert report({"dependencies": [CLEAN]}) == (0, "audit: 1 of 1 packages looked up, 0 known vulnerabilities")


def test_what_could_not_be_looked_up_is_said() -> None:
    code, text = report({"dependencies": [UNREACHED, UNREACHED]})
    assert code == 0
    assert text.startswith("audit: 0 of 2 packages looked up")
    assert "could not be reached" in text
