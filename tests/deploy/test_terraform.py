"""deploy/terraform: formatted, valid, has its required properties, and is consistent with the programs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.benchmarks.terraform_defaults import default
from mmdigit.commands.form.collect import FormCollectSettings
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.routes.events import HEARTBEAT_S
from mmdigit.gateway.routes.submit_route import MAX_WAIT_S
from mmdigit.gateway.serving.connections import Patience
from mmdigit.gateway.serving.server import DRAIN_S
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.environment import ENV_PREFIX, KNOWN_VARIABLES
from mmdigit.transport.encoding import decode_prediction
from samples.running import RunningWorker
from schemas.job import MAX_RECORD_BYTES
from tests.deploy.engine import ROOT
from tests.deploy.terraform import FOLDER, Outcome, Terraform, terraform_problem
from worker.settings import WorkerSettings

KAFKA_ACLS = ROOT / "deploy" / "kafka" / "acls.sh"
REDIS_USERS = ROOT / "deploy" / "redis" / "users.acl"

# MSK's IAM actions for each operation of a Kafka ACL. In Kafka, Read and Write include Describe, and Write includes the
# idempotent producer; IAM requires each of them.
IAM_ACTIONS = {
    ("topic", "Read"): {"kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"},
    ("topic", "Write"): {"kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"},
    ("topic", "DescribeConfigs"): {"kafka-cluster:DescribeTopicDynamicConfiguration"},
    ("group", "Read"): {"kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"},
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    if problem := terraform_problem():
        if os.environ.get("MMDIGIT_REQUIRE_TERRAFORM") == "1":
            pytest.fail(f"MMDIGIT_REQUIRE_TERRAFORM=1, but {problem}", pytrace=False)
        pytest.skip(problem)
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def outcome(terraform: Terraform) -> Outcome:
    return Outcome(terraform)


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def variables() -> dict[str, str]:
    """The block of each variable, by name."""
    blocks = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("variables*.tf")))
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', blocks, re.MULTILINE | re.DOTALL))


def test_files_are_formatted(terraform: Terraform) -> None:
    assert terraform.run("fmt", "-check", "-recursive", "-diff").stdout == ""


def test_configuration_is_valid(terraform: Terraform) -> None:
    done = terraform.run("validate")
    assert done.returncode == 0, done.stderr


def test_properties_hold_and_validations_refuse(outcome: Outcome) -> None:
    assert outcome.failures == []
    assert outcome.done.returncode == 0, outcome.done.stderr
    runs = {
        name
        for path in (FOLDER / "tests").glob("*.tftest.hcl")
        for name in re.findall(r'^run "(\w+)"', path.read_text(), re.MULTILINE)
    }
    assert outcome.passed == runs


def test_validations_all_have_a_case() -> None:
    cases = re.findall(r"\bvar\.(\w+),", text("tests/validations.tftest.hcl"))
    assert len(variables()) > 20
    for name, body in variables().items():
        assert cases.count(name) >= body.count("validation {"), name


def test_example_sets_every_required_variable() -> None:
    said = set(re.findall(r"^(?:# )?(\w+) +=", text("terraform.tfvars.example"), re.MULTILINE))
    assert said <= set(variables())
    assert {name for name, body in variables().items() if "\n  default" not in body} <= said


def test_small_stack_test_uses_small_tfvars() -> None:
    words = [line.split() for line in text("small.tfvars").splitlines() if line and not line.startswith("#")]
    planned = re.search(r"^run .*?variables \{\n(.*?)\n  \}", text("tests/small.tftest.hcl"), re.MULTILINE | re.DOTALL)
    assert planned is not None
    assert [line.split() for line in planned[1].splitlines() if line] == words


def test_folder_can_be_used_as_a_module() -> None:
    blocks = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.tf"))
    assert re.findall(r"^(?:provider|  backend)\b", blocks, re.MULTILINE) == []
    assert "path.root" not in blocks


def test_module_works_in_another_configuration(terraform: Terraform, tmp_path: Path) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```hcl\n(provider .*?)```", readme, re.DOTALL)
    (tmp_path / "main.tf").write_text(example.replace("SOURCE", str(FOLDER)))
    for command in (("init", "-input=false", "-backend=false"), ("validate",)):
        done = terraform.run(*command, folder=tmp_path)
        assert done.returncode == 0, done.stderr + done.stdout


def test_task_definition_contains_valid_worker_settings(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    container = outcome.container("defaults", "worker")
    environment = {variable["name"]: variable["value"] for variable in container["environment"]}
    secrets = {secret["name"] for secret in container["secrets"]}
    assert all(name.startswith(ENV_PREFIX) for name in environment)
    assert not environment.keys() & secrets
    for name in KNOWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment | dict.fromkeys(secrets, "secret")).items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings.load([])
    assert (
        settings.from_url
        == "kafka://b-1.example.kafka.amazonaws.com:9098,b-2.example.kafka.amazonaws.com:9098/mmdigit.jobs"
    )
    assert settings.dead_letters_url == f"{settings.from_url}.dead"
    assert settings.store_url == "rediss://master.mmdigit-store.example.cache.amazonaws.com:6379/0"
    assert settings.stop_timeout_s < container["stopTimeout"]


def test_forms_tasks_contain_valid_settings(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    programs: dict[str, type[PageWorkerSettings | FormCollectSettings]] = {
        "page-worker": PageWorkerSettings,
        "collector": FormCollectSettings,
    }
    for name, program in programs.items():
        for variable in KNOWN_VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        planned = outcome.planned("options", f'aws_ecs_task_definition.forms["{name}"]')
        [container] = json.loads(planned["container_definitions"])
        secrets = {secret["name"]: "secret" for secret in container["secrets"]}
        for variable, value in ({each["name"]: each["value"] for each in container["environment"]} | secrets).items():
            monkeypatch.setenv(variable, value)
        settings = program.load([word for word in container["entryPoint"] if word.startswith("--")])
        assert settings.forms_url.startswith("postgresql://forms@db.example.com/forms?sslmode=verify-full")
        if isinstance(settings, PageWorkerSettings):
            assert settings.stop_timeout_s < container["stopTimeout"]
            assert settings.from_url.endswith("/mmdigit.pages")
            assert settings.jobs_url.endswith("/mmdigit.jobs")


@pytest.mark.parametrize("run", ["private_api", "public_api"])
def test_gateway_task_contains_valid_settings(outcome: Outcome, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    container = outcome.container(run, "gateway[0]")
    for variable in KNOWN_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    secrets = {secret["name"]: "of 32 characters, as for webhooks" for secret in container["secrets"]}
    environment = {each["name"]: each["value"] for each in container["environment"]} | secrets
    assert environment.keys() <= KNOWN_VARIABLES
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings = GatewaySettings.load([])
    assert settings.jobs_url.endswith("/mmdigit.jobs")
    assert settings.needs_login
    assert not settings.is_loopback
    assert settings.allowed_hosts == ("digits.example.com",)
    assert settings.database_url.startswith("postgresql://gateway@db.example.com/gateway?sslmode=verify-full")
    assert (settings.pages_url or "").endswith("/mmdigit.pages") == (run == "public_api")  # where forms are read
    assert bool(settings.templates) == bool(settings.forms_url) == (run == "public_api")
    assert bool(settings.oidc_issuer) == bool(settings.webhook_hosts) == (run == "public_api")
    assert [mapping["containerPort"] for mapping in container["portMappings"]] == [settings.port]


def test_balancer_waits_for_the_gateways_longest_answers(outcome: Outcome) -> None:
    balancer = outcome.planned("private_api", "aws_lb.gateway[0]")
    targets = outcome.planned("private_api", "aws_lb_target_group.gateway[0]")
    assert MAX_WAIT_S < balancer["idle_timeout"] < Patience().idle_s  # else a request could meet a closed connection
    assert balancer["idle_timeout"] > HEARTBEAT_S
    assert int(targets["deregistration_delay"]) > MAX_WAIT_S
    assert outcome.container("private_api", "gateway[0]")["stopTimeout"] > DRAIN_S


def test_container_matches_the_images_user_and_health_check(outcome: Outcome) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [command] = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", dockerfile, re.MULTILINE)
    [user] = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    container = outcome.container("defaults", "worker")
    assert container["healthCheck"]["command"] == ["CMD", *json.loads(command)]
    assert container["user"] == user


@pytest.mark.parametrize("run", ["defaults", "options"])
def test_topics_accept_the_largest_jobs_and_dead_letters(outcome: Outcome, run: str) -> None:
    topics = json.loads(outcome.container(run, "topics")["command"][1])
    assert len(topics) == (2 if run == "defaults" else 4)  # the options include forms
    for records, letters in zip(topics[::2], topics[1::2], strict=True):
        record_bytes, letter_bytes = (int(topic["configs"]["max.message.bytes"]) for topic in (records, letters))
        assert letters["name"] == f"{records['name']}.dead"
        assert letter_bytes >= record_bytes * 4 / 3 + 4096
        assert record_bytes >= (MAX_RECORD_BYTES if run == "defaults" else MAX_RECORD_BYTES - 4096)
        assert records["partitions"] == 24
    assert {topic["configs"]["compression.type"] for topic in topics} == {"uncompressed"}


def test_brokers_accept_the_largest_records(outcome: Outcome) -> None:
    properties = outcome.planned("defaults", "aws_msk_configuration.this[0]")["server_properties"]
    _jobs, letters = json.loads(outcome.container("defaults", "topics")["command"][1])
    for name in ("message.max.bytes", "replica.fetch.max.bytes"):
        [limit] = re.findall(rf"^{re.escape(name)}=(\d+)$", properties, re.MULTILINE)
        assert int(limit) > int(letters["configs"]["max.message.bytes"])


def test_prometheus_uses_the_service_discovery_name(outcome: Outcome) -> None:
    namespace = outcome.planned("options", "aws_service_discovery_private_dns_namespace.this[0]")["name"]
    configuration = (FOLDER / "prometheus-ecs.yml").read_text(encoding="utf-8")
    for name in ("worker", "page-worker", "collector", "gateway"):
        run = "private_api" if name == "gateway" else "options"
        found = outcome.planned(run, f'aws_service_discovery_service.service["{name}"]')["name"]
        assert f"names: [{found}.{namespace}]" in configuration


@pytest.mark.parametrize(("policy", "target"), [("backlog", "backlog_target_s"), ("cpu", "cpu_target_percent")])
def test_plan_uses_the_default_sizes_and_scaling(outcome: Outcome, policy: str, target: str) -> None:
    [planned] = outcome.planned("defaults", f'aws_appautoscaling_policy.{policy}["worker"]')[
        "target_tracking_scaling_policy_configuration"
    ]
    assert planned["target_value"] == default(target)
    assert planned["scale_out_cooldown"] == default("scale_out_cooldown_s") == 240  # docs/operate/sizing.md says why
    assert planned["scale_in_cooldown"] == default("scale_in_cooldown_s")
    worker = outcome.planned("defaults", 'aws_appautoscaling_target.service["worker"]')
    assert (worker["min_capacity"], worker["max_capacity"]) == (default("min_capacity"), default("max_capacity"))
    jobs, _letters = json.loads(outcome.container("defaults", "topics")["command"][1])
    assert jobs["partitions"] == default("partitions")
    task = outcome.planned("defaults", "aws_ecs_task_definition.worker")
    assert (int(task["cpu"]), int(task["memory"])) == (default("task_cpu"), default("task_memory_mib"))


def granted(outcome: Outcome, role: str, run: str) -> dict[str, set[str]]:
    """IAM actions by resource: cluster, topic/NAME or group/NAME."""
    policy = json.loads(outcome.planned(run, f"aws_iam_role_policy.{role}")["policy"])
    found: dict[str, set[str]] = {}
    for statement in policy["Statement"]:
        kind, _cluster, _id, *name = statement["Resource"].rpartition(":")[2].split("/")
        found.setdefault("/".join([kind, *name]), set()).update(statement["Action"])
    return found


@pytest.mark.parametrize(
    ("user", "role", "run"),
    [
        ("worker", "worker", "defaults"),
        ("producer", "producer[0]", "defaults"),
        ("page_worker", "page_worker[0]", "options"),
        ("producer", "gateway[0]", "private_api"),
    ],
)
def test_iam_grants_what_the_acls_grant(outcome: Outcome, user: str, role: str, run: str) -> None:
    if not KAFKA_ACLS.exists():
        pytest.skip(
            f"expected the ACLs that the integration tests run with in {KAFKA_ACLS.relative_to(ROOT)}, got none"
        )
    names = {
        **{"topic $jobs": "mmdigit.jobs", "topic $dead": "mmdigit.jobs.dead", "group ${GROUP:-mmdigit}": "mmdigit"},
        **{"topic $pages": "mmdigit.pages", "topic $pages.dead": "mmdigit.pages.dead"},
        "group ${PAGE_GROUP:-mmdigit-pages}": "mmdigit-pages",
    }
    expected = {"cluster": {"kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"}}
    for line in re.findall(rf'^allow "\${user}" (.*)$', KAFKA_ACLS.read_text(encoding="utf-8"), re.MULTILINE):
        for kind, name in re.findall(r'--(topic|group) "([^"]+)"', line):
            for operation in re.findall(r"--operation (\w+)", line):
                place = f"{kind}/{names[f'{kind} {name}']}"
                expected.setdefault(place, set()).update(IAM_ACTIONS[kind, operation])
    assert len(expected) > 1
    assert granted(outcome, role, run) == expected


@pytest.mark.parametrize(("user", "address"), [("worker", "worker"), ("reader", "reader[0]")])
def test_redis_user_has_the_permissions_of_the_acl(outcome: Outcome, user: str, address: str) -> None:
    [words] = re.findall(rf"^user {user} (.*)$", REDIS_USERS.read_text(encoding="utf-8"), re.MULTILINE)
    rights = {word.removeprefix("%RW") for word in words.split() if not word.startswith((">", "resetkeys"))}
    assert set(outcome.planned("options", f"aws_elasticache_user.{address}")["access_string"].split()) == rights


@pytest.mark.docker
def test_first_job_is_answered(
    outcome: Outcome, kafka_topic: Callable[..., str], redis_url: str, tmp_path: Path
) -> None:
    jobs_url = kafka_topic(1, with_dead_letters=True)
    container = outcome.container("options", "first_job[0]")
    _python, *script = container["entryPoint"]
    names = {variable["name"] for variable in container["environment"] + container["secrets"]}
    assert names <= KNOWN_VARIABLES
    here = {"MMDIGIT_TO": jobs_url, "MMDIGIT_STORE": redis_url}
    assert here.keys() <= names
    with RunningWorker(jobs_url, redis_url, tmp_path / "worker.log") as worker:
        worker.wait_until_assigned()
        done = subprocess.run(
            [sys.executable, *script], env=os.environ | here, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stderr
    prediction = decode_prediction(done.stdout.encode())
    assert (prediction.label, prediction.audio) == (1, None)


@pytest.mark.docker
def test_create_topics_creates_once_and_adds_partitions(outcome: Outcome, kafka_bootstrap: str) -> None:
    topics: list[dict[str, Any]] = json.loads(outcome.container("defaults", "topics")["command"][1])
    for topic in topics:
        topic |= {"name": f"terraform.{topic['name']}", "replication": 1}  # the tests have one broker
    assert make_topics(outcome, kafka_bootstrap, topics).splitlines() == [
        "terraform.mmdigit.jobs: created, 24 partitions",
        "terraform.mmdigit.jobs.dead: created, 1 partition",
    ]
    topics[0]["partitions"] = 32
    assert make_topics(outcome, kafka_bootstrap, topics).splitlines() == [
        "terraform.mmdigit.jobs: 32 partitions, 24 before",
        "terraform.mmdigit.jobs.dead: exists, 1 partition",
    ]
    topics[0]["partitions"] = 24
    assert "exists, 32 partitions" in make_topics(outcome, kafka_bootstrap, topics)


def make_topics(outcome: Outcome, bootstrap: str, topics: list[dict[str, Any]]) -> str:
    """The output of the task, run with the entry point of its definition."""
    _python, *script = outcome.container("defaults", "topics")["entryPoint"]
    done = subprocess.run(
        [sys.executable, *script, bootstrap, json.dumps(topics), "plaintext"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    if (checkov := shutil.which("checkov")) is None:
        pytest.skip("expected checkov on the PATH, got none; install deploy/terraform/requirements.txt")
    done = subprocess.run(
        [checkov, "--directory", str(FOLDER), "--framework", "terraform", "--compact", "--quiet", "--skip-download"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for path in FOLDER.glob("*.tf"):
        assert re.findall(r"#checkov:skip=\w+\b(?!:.{10})", path.read_text(encoding="utf-8")) == [], path.name
