"""tests/ mirrors the packages: a test file has the name of what it tests, and each module of the product has tests."""

import ast

import pytest

from tests.test_arrows import IMPORTS, MODULES, PRODUCT

MAX_NAME = 60
MIRRORED = ("worker", "producer", "schemas", "mmdigit", "lab", "samples")

OTHER_SUBJECTS = {
    "lab.benchmarks.test_command_lines": "the --help of every benchmark",
    "lab.fuzz.test_limits": "the limits that every parser keeps",
    "mmdigit.database.test_postgres_tls": "a database over TLS",
    "mmdigit.forms.test_docs": "the reasons that docs/use/forms.md explains",
    "mmdigit.forms.worker.test_promises": "the page worker's promises, as a state machine",
    "mmdigit.gateway.routes.test_tenants": "what one tenant sees of another",
    "mmdigit.reading.audio.test_cases": "kept sound files",
    "mmdigit.training.test_commands": "train, export and calibrate, one after the other",
    "mmdigit.training.test_named_files": "what every command says of a file that it cannot use",
    "mmdigit.transport.redis.test_cluster": "the store on Redis Cluster",
    "mmdigit.transport.redis.test_failover": "the store when its primary changes",
    "mmdigit.transport.redis.test_tls": "the store over TLS",
    "mmdigit.transport.test_encoding_docs": "stored predictions as docs/use/wire.md describes them",
    "producer.test_default_wire": "a setting's default",
    "samples.test_pack": "the sample pack, which is data",
    "schemas.test_docs": "the schemas as the docs give them",
    "schemas.test_golden": "kept messages of every version",
    "schemas.test_repeated_fields": "one attack, in every wire",
    "worker.replay.test_hostile_topic": "what hostile dead letters do to a replay",
    "worker.replay.test_on_adapters": "replay on every adapter",
    "worker.shadow.test_on_adapters": "shadow on every adapter",
    "worker.test_promises": "the loop's promises, as a state machine",
    "worker.test_restarts": "offsets that start again, lost records, fatal errors",
}
"""Test files that mirror no module, and what they test."""

TESTED_ELSEWHERE = {
    "mmdigit.__main__": "tests.mmdigit.test_cli",
    "worker.__main__": "tests.worker.test_process",
    "mmdigit.gateway.__main__": "tests.mmdigit.gateway.test_command",
    "mmdigit.gateway.access.requiring": "tests.mmdigit.gateway.access.test_entrance",
    "mmdigit.gateway.audit": "tests.mmdigit.gateway.access.test_entrance",
    "mmdigit.datasets.opening": "tests.producer.sources.test_opening",
    "mmdigit.commands.form.control": "tests.mmdigit.forms.reviewing.test_control",
    "mmdigit.commands.form.export": "tests.mmdigit.forms.table.test_exporting",
    "mmdigit.commands.form.learn": "tests.mmdigit.forms.reviewing.test_learning",
    "mmdigit.commands.form.read": "tests.mmdigit.forms.reading.test_stack",
    "mmdigit.commands.form.review": "tests.mmdigit.forms.reviewing.test_answers",
    "mmdigit.forms.__main__": "tests.mmdigit.forms.worker.test_command",
    "mmdigit.forms.sheets.overlay": "tests.mmdigit.commands.form.test_templates",
    "mmdigit.forms.pages.process": "tests.mmdigit.forms.pages.test_decoder",
    "mmdigit.commands.form.collect": "tests.mmdigit.forms.collecting.test_service",
    "mmdigit.settings.access_settings": "tests.mmdigit.settings.test_redaction",
    "mmdigit.settings.jobs_topic": "tests.mmdigit.settings.test_base",
    "mmdigit.settings.model": "tests.mmdigit.settings.test_base",
    "mmdigit.transport.kafka.publisher": "tests.contract.test_queue",
    "mmdigit.transport.tls": "tests.mmdigit.transport.redis.test_tls",
}
"""Modules that only other rooms use, and the tests that go through those."""


def folder_of(module: str) -> str:
    return module.rpartition(".")[0]


def mirror_of(module: str) -> str:
    """The test file that mirrors the module."""
    folder, _, name = module.rpartition(".")
    return f"tests.{folder}.test_{'main' if name == '__main__' else name}"


TEST_FILES = [name for name in MODULES if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")]
OWN = {mirror_of(module) for module in MODULES if not module.startswith("tests.")}


@pytest.mark.parametrize("top", MIRRORED)
def test_each_test_file_mirrors_a_module(top: str) -> None:
    found = {name.removeprefix("tests.") for name in TEST_FILES if name.startswith(f"tests.{top}.") and name not in OWN}
    assert found == {name for name in OTHER_SUBJECTS if name.startswith(f"{top}.")}


def is_tested(module: str) -> bool:
    """Whether a test file has its name, or one of its folder imports it."""
    near = (f"tests.{folder_of(module)}.", "tests.contract.")
    return mirror_of(module) in TEST_FILES or any(
        module in IMPORTS[name] for name in TEST_FILES if name.startswith(near)
    )


def test_each_module_has_tests() -> None:
    """Its own, or those of a module of its folder that uses it."""
    modules = [name for name, path in PRODUCT.items() if path.name != "__init__.py"]
    tested = {name for name in modules if is_tested(name)}
    used = {name for user in tested for name in IMPORTS[user] if folder_of(name) == folder_of(user)}
    used |= {name for user in used & set(modules) for name in IMPORTS[user] if folder_of(name) == folder_of(user)}
    assert {name for name in modules if name not in tested | used} == set(TESTED_ELSEWHERE)
    assert set(TESTED_ELSEWHERE.values()) <= set(MODULES)


def test_test_names_are_short() -> None:
    names = [
        node.name
        for name in TEST_FILES
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [name for name in names if len(name) > MAX_NAME] == []
