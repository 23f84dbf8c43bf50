"""The worker's image: small, without tools, locked down, and stopped by SIGTERM."""

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.kit.polling import until
from schemas import VERSION
from tests.deploy.engine import LOCKED_DOWN, TAG, build, output, run

MAX_IMAGE_BYTES = 540 * 10**6  # OpenCV, for photographed crops, takes 150 MB of it
MAX_FORMS_IMAGE_BYTES = 790 * 10**6  # pyarrow, for Parquet and S3, takes 160 MB more
MAX_GATEWAY_IMAGE_BYTES = MAX_FORMS_IMAGE_BYTES + 50 * 10**6  # FastAPI, uvicorn, uvloop, cryptography

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def image() -> str:
    return build(TAG)


@pytest.fixture(scope="module")
def config(image: str) -> dict[str, Any]:
    inspected: dict[str, Any] = json.loads(output("docker", "image", "inspect", image))[0]
    return inspected


@pytest.fixture
def worker(image: str) -> Iterator[str]:
    """Yields the container of a ready worker with its own SQLite file."""
    container = start(image)
    try:
        until(lambda: answers(container, "readyz"), "a worker that is ready", pause_s=0.2)
        yield container
    finally:
        run("docker", "rm", "--force", container)


def start(image: str) -> str:
    urls = ("--from", "sqlite:////tmp/queue.db", "--store", "sqlite:////tmp/queue.db")
    return output("docker", "run", "--detach", "--init", "--network", "none", *LOCKED_DOWN, image, *urls).strip()


def answers(container: str, path: str) -> bool:
    script = f"import urllib.request as r; r.urlopen('http://127.0.0.1:9100/{path}', timeout=5)"
    return run("docker", "exec", container, "python", "-c", script).returncode == 0


def python(image: str, script: str) -> str:
    """The output of a script in the image."""
    return output("docker", "run", "--rm", *LOCKED_DOWN, "--entrypoint", "python", image, "-c", script)


def test_image_is_small(config: dict[str, Any]) -> None:
    assert config["Size"] < MAX_IMAGE_BYTES


def test_labels_name_the_version(config: dict[str, Any]) -> None:
    labels = config["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_sbom_lists_installed_packages_with_licences(image: str) -> None:
    script = """
from importlib.metadata import distributions
print(open("/usr/share/mmdigit/sbom.json").read(), *{(d.name, d.version) for d in distributions()}, sep="\\n")
"""
    printed = python(image, script)
    bill, end = json.JSONDecoder().raw_decode(printed)
    installed = {ast.literal_eval(line) for line in printed[end:].split("\n") if line}
    assert bill["bomFormat"] == "CycloneDX"
    assert {(component["name"], component["version"]) for component in bill["components"]} == installed
    assert len(installed) > 15
    assert sum("licenses" in component for component in bill["components"]) > 0.8 * len(installed)


def test_build_argument_adds_msk_and_otel() -> None:
    # The builder stage is enough: the last stage copies its packages.
    image = build(f"{TAG}-msk-otel", args={"REQUIREMENTS": "msk otel"}, target="builder")
    # The token provider, and the signer for the task that creates the topics (deploy/terraform).
    script = (
        "import aws_msk_iam_sasl_signer, botocore, onnxruntime, opentelemetry.exporter.otlp.proto.http; print('here')"
    )
    command = ("docker", "run", "--rm", "--entrypoint", "/opt/mmdigit/bin/python", image, "-c", script)
    assert output(*command).strip() == "here"


def test_build_argument_adds_forms() -> None:
    image = build(f"{TAG}-forms", args={"REQUIREMENTS": "forms"})
    [inspected] = json.loads(output("docker", "image", "inspect", image))
    assert inspected["Size"] < MAX_FORMS_IMAGE_BYTES
    queue = "sqlite:////tmp/queue.db"
    script = f"""
python -m mmdigit form new /tmp/form.yaml
python -m mmdigit form print /tmp/form.yaml --output /tmp/stack.pdf
python -m mmdigit form send /tmp/stack.pdf --to '{queue}?topic=pages' --journal-dir /tmp/journal
python -m mmdigit.forms worker --from '{queue}?topic=pages' --jobs {queue} --forms sqlite:////tmp/forms.db \\
  --template /tmp/form.yaml --exit-when-idle-s 0.5
"""
    command = ("--network", "none", *LOCKED_DOWN, "--entrypoint", "sh", image, "-euc", script)
    done = run("docker", "run", "--rm", "--init", *command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["kept"] == 1


def test_build_argument_adds_the_gateway(config: dict[str, Any]) -> None:
    image = build(f"{TAG}-gateway", args={"REQUIREMENTS": "gateway"})
    [inspected] = json.loads(output("docker", "image", "inspect", image))
    assert inspected["Size"] < MAX_GATEWAY_IMAGE_BYTES
    queue = "sqlite:////tmp/queue.db"
    serve = ("-m", "mmdigit.gateway", "--jobs", queue, "--store", queue, "--database", "sqlite:////tmp/gateway.db")
    flags = ("--detach", "--init", "--network", "none", *LOCKED_DOWN, "--entrypoint", "python")
    container = output("docker", "run", *flags, image, *serve).strip()
    try:
        until(lambda: answers(container, "readyz"), "a gateway that is ready", pause_s=0.2)
        output("docker", "exec", container, *config["Config"]["Healthcheck"]["Test"][1:])
        output("docker", "stop", "--time", "30", container, timeout_s=45)
        assert json.loads(output("docker", "inspect", container))[0]["State"]["ExitCode"] == 0
    finally:
        run("docker", "rm", "--force", container)


def test_user_is_a_number_and_not_root(image: str) -> None:
    assert python(image, "import os; print(os.getuid(), os.getgid())").split() == ["10001", "10001"]


def test_public_authorities_are_trusted(image: str) -> None:
    """They sign MSK's and ElastiCache's certificates; the base image has none."""
    script = """
import os, ssl
assert "SSL_CERT_FILE" not in os.environ and "SSL_CERT_DIR" not in os.environ
print(ssl.create_default_context().cert_store_stats()["x509_ca"])
"""
    assert int(python(image, script)) > 100


def test_private_authority_is_trusted_exclusively(image: str) -> None:
    script = """
from pathlib import Path
from mmdigit.settings.access import Certificates
from mmdigit.transport.tls import tls_context
print(tls_context(Certificates(), "kafka").cert_store_stats()["x509_ca"])
print(tls_context(Certificates(Path("/etc/ssl/certs/ISRG_Root_X1.pem")), "kafka").cert_store_stats()["x509_ca"])
"""
    everybody, one = map(int, python(image, script).split())
    assert (everybody > 100, one) == (True, 1)


def test_image_has_no_torch_pip_tests_or_training(image: str) -> None:
    script = """
from importlib.util import find_spec
unwanted = ("torch", "torchaudio", "pip", "setuptools", "ensurepip", "pytest", "tests", "mmdigit.training")
print([name for name in unwanted if find_spec(name)])
"""
    assert python(image, script).strip() == "[]"


def test_image_has_no_compiler(image: str) -> None:
    script = """
import shutil
print([name for name in ("cc", "gcc", "g++", "c++", "clang", "ld", "as", "make", "pip", "pip3") if shutil.which(name)])
"""
    assert python(image, script).strip() == "[]"


def test_image_contains_bytecode(image: str) -> None:
    script = """
import pathlib
sources = [path for path in pathlib.Path("/app").rglob("*.py")]
print(len(sources) > 20, len(sources) == len(list(pathlib.Path("/app").rglob("*.pyc"))))
"""
    assert python(image, script).split() == ["True", "True"]


def test_model_runtime_sends_no_telemetry(config: dict[str, Any]) -> None:
    assert "ORT_DISABLE_TELEMETRY=1" in config["Config"]["Env"]


def test_entrypoint_needs_no_shell(config: dict[str, Any]) -> None:
    assert config["Config"]["Entrypoint"] == ["python", "-m", "worker"]


def test_producer_and_predict_start_from_the_same_image(image: str) -> None:
    for module in ("producer", "mmdigit"):
        output("docker", "run", "--rm", *LOCKED_DOWN, "--entrypoint", "python", image, "-m", module, "--help")


def test_commands_missing_from_the_image_say_so(image: str) -> None:
    command = ("evaluate", "--data", "/data", "--output", "/report")
    done = run("docker", "run", "--rm", *LOCKED_DOWN, "--entrypoint", "python", image, "-m", "mmdigit", *command)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "use a checkout" in done.stderr


def test_invalid_settings_are_one_line_and_exit_code_2(image: str) -> None:
    done = run("docker", "run", "--rm", *LOCKED_DOWN, "--env", "MMDIGIT_NO_SUCH=1", image)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "MMDIGIT_NO_SUCH" in done.stderr


def test_worker_passes_health_check_and_stops_on_sigterm(config: dict[str, Any], worker: str) -> None:
    kind, *command = config["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    output("docker", "exec", worker, *command)
    output("docker", "stop", "--time", "30", worker, timeout_s=45)
    state = json.loads(output("docker", "inspect", worker))[0]["State"]
    logs = run("docker", "logs", worker)
    assert state["ExitCode"] == 0
    assert '"message": "stopped"' in (logs.stdout + logs.stderr).splitlines()[-1]


def test_sigterm_right_after_the_start_stops_the_worker(image: str) -> None:
    container = start(image)
    try:
        # Before that, a signal ends the container runtime's own program, with exit code 2.
        until(lambda: "-m worker" in run("docker", "top", container).stdout, "the worker's process")
        output("docker", "stop", "--time", "10", container, timeout_s=25)
        # 143: it had not installed its handler, and had nothing to finish.
        assert json.loads(output("docker", "inspect", container))[0]["State"]["ExitCode"] in (0, 143)
    finally:
        run("docker", "rm", "--force", container)
