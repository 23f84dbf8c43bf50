"""docker-compose.yml: valid, pinned, closed to the network, and consistent with the programs' settings."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mmdigit.gateway.intake.scans import MAX_SCAN_BYTES
from mmdigit.gateway.intake.zipped import MAX_ZIP_BYTES
from mmdigit.settings.environment import ENV_PREFIX, KNOWN_VARIABLES
from schemas import VERSION
from schemas.job import MAX_RECORD_BYTES
from tests.deploy.engine import ROOT, output

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of every profile, as Compose understands them."""
    config = output("docker", "compose", "--env-file", "/dev/null", "--profile", "*", "config", "--format", "json")
    found: dict[str, Any] = json.loads(config)["services"]
    return found


def test_default_stack_is_the_documented_one() -> None:
    names = output("docker", "compose", "config", "--services").split()
    assert sorted(names) == ["kafka", "prometheus", "redis", "topics", "worker"]


def test_images_are_pinned(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[a-z./]+:v?\d+(\.\d+){1,2}(-\w+)?", service["image"]), name
    ours = {service["image"] for service in services.values() if "build" in service}
    assert ours == {f"mmdigit:{VERSION}", f"mmdigit:{VERSION}-forms", f"mmdigit:{VERSION}-gateway"}


def test_images_can_be_pinned_by_digest(services: dict[str, Any], tmp_path: Path) -> None:
    digest = f"sha256:{'0' * 64}"
    tags = {service["image"] for service in services.values() if "build" not in service}
    names = {tag: f"{tag.rpartition('/')[2].partition(':')[0].upper()}_IMAGE" for tag in tags}
    assert len(names) == 6
    file = tmp_path / "pinned.env"
    file.write_text("".join(f"{name}={tag}@{digest}\n" for tag, name in names.items()))
    flags = ("--env-file", str(file), "--profile", "*", "config", "--format", "json")
    pinned = json.loads(output("docker", "compose", *flags))["services"]
    for name, service in services.items():
        expected = service["image"] if "build" in service else f"{service['image']}@{digest}"
        assert pinned[name]["image"] == expected


def test_ports_listen_only_on_this_machine(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert {port["published"] for port in ports} == {"29092", "6379", "9090", "3000", "5432", "8000"}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_services_have_a_memory_limit_and_no_new_privileges(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert name == "topics" or int(service["mem_limit"]) > 0, name


def test_services_are_read_only_and_without_capabilities(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert (service["cap_drop"], service.get("cap_add")) == (["ALL"], None), name
        assert not service.get("privileged"), name


def test_worker_starts_after_topics_and_store(services: dict[str, Any]) -> None:
    worker = services["worker"]
    assert worker["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert worker["depends_on"]["redis"]["condition"] == "service_healthy"
    assert worker["stop_grace_period"] == "2m0s"
    assert "ports" not in worker  # several workers may run


def test_page_worker_starts_after_topics_and_database(services: dict[str, Any]) -> None:
    worker = services["page-worker"]
    assert worker["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert worker["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert worker["build"]["args"] == {"REQUIREMENTS": "forms"}
    assert worker["profiles"] == services["collector"]["profiles"] == ["forms"]
    assert services["postgres"]["profiles"] == ["forms", "gateway"]
    assert "ports" not in worker  # several may run


def test_gateway_asks_for_a_token_and_starts_after_what_it_needs(services: dict[str, Any]) -> None:
    gateway = services["gateway"]
    assert gateway["environment"]["MMDIGIT_LOGIN"] == "token"
    assert gateway["environment"]["MMDIGIT_DATABASE"] == services["page-worker"]["environment"]["MMDIGIT_FORMS"]
    assert {name: each["condition"] for name, each in gateway["depends_on"].items()} == {
        "topics": "service_completed_successfully",
        "redis": "service_healthy",
        "postgres": "service_healthy",
    }
    assert gateway["build"]["args"] == {"REQUIREMENTS": "gateway"}
    assert gateway["profiles"] == ["gateway"]


def test_gateway_has_room_for_the_largest_uploads(services: dict[str, Any]) -> None:
    [size] = re.findall(r"^/tmp:size=(\d+)m$", "\n".join(services["gateway"]["tmpfs"]), re.MULTILINE)
    four = 4 * max(MAX_ZIP_BYTES, MAX_SCAN_BYTES)
    assert four <= int(size) * 1024 * 1024 < int(services["gateway"]["mem_limit"])


def test_variables_are_settings(services: dict[str, Any]) -> None:
    names = {name for service in services.values() for name in service.get("environment", ())}
    assert {name for name in names if name.startswith(ENV_PREFIX)} <= KNOWN_VARIABLES


def test_kafka_limits_fit_the_topics(services: dict[str, Any]) -> None:
    environment = services["kafka"]["environment"]
    script = (ROOT / "deploy" / "kafka" / "create-topics.sh").read_text(encoding="utf-8")
    limits = {
        topic: int(mib) * 1024 * 1024
        for topic, mib in re.findall(r"create (\S+) \d+ max\.message\.bytes=\$\(\((\d+) \* 1024 \* 1024\)\)", script)
    }
    assert set(limits) == {"mmdigit.jobs", "mmdigit.jobs.dead", "mmdigit.pages", "mmdigit.pages.dead"}
    for topic in ("mmdigit.jobs", "mmdigit.pages"):
        assert limits[topic] > MAX_RECORD_BYTES
        assert limits[f"{topic}.dead"] > limits[topic] * 4 / 3
    for name in ("KAFKA_MESSAGE_MAX_BYTES", "KAFKA_REPLICA_FETCH_MAX_BYTES"):
        assert int(environment[name]) > max(limits.values())
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_redis_never_evicts(services: dict[str, Any]) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_programs_run_under_an_init_process(services: dict[str, Any]) -> None:
    ours = {name: service for name, service in services.items() if service["image"].startswith("mmdigit:")}
    assert {"worker", "chaos-worker", "producer", "load", "chaos", "page-worker", "collector", "gateway"} == ours.keys()
    assert all(service.get("init") for service in ours.values())
