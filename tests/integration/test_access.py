"""Access to real Kafka and Redis with TLS and the rights of deploy/, and the errors of those who are refused."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from lab.kit.gateway import RunningGateway
from lab.kit.polling import HANGS_AFTER_S, until
from mmdigit.settings.access import Access, Certificates, KafkaAccess
from mmdigit.transport.urls import open_consumer, open_publisher
from samples.demo import PACK
from schemas.errors import AccessError, TransportError
from tests.deploy.engine import LOCKED_DOWN, TAG, build, run
from tests.secure import (
    JOBS,
    PASSWORDS,
    STORE_PASSWORDS,
    Authority,
    SecureKafka,
    child_environment,
    secure_kafka,
    secure_redis,
    store_administrator,
)

pytestmark = pytest.mark.docker

Settings = dict[str, str | Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secure")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def broker(folder: Path, authority: Authority) -> Iterator[SecureKafka]:
    with secure_kafka(folder, authority) as broker:
        yield broker


@pytest.fixture(scope="module")
def store_url(folder: Path, authority: Authority) -> Iterator[str]:
    with secure_redis(folder, authority, authority.issue("redis", "127.0.0.1")) as url:
        yield url


def password_file(folder: Path, password: str) -> Path:
    path = folder / f"{password}.txt"
    path.write_text(f"{password}\n")
    return path


@pytest.fixture(scope="module")
def kafka_user(folder: Path, authority: Authority, broker: SecureKafka) -> Callable[[str], Settings]:
    def settings(user: str) -> Settings:
        return {
            "KAFKA_SECURITY": "scram",
            "KAFKA_CA_FILE": authority.file,
            "KAFKA_USERNAME": user,
            "KAFKA_PASSWORD_FILE": password_file(folder, PASSWORDS[user]),
        }

    return settings


@pytest.fixture(scope="module")
def store_user(folder: Path, authority: Authority, store_url: str) -> Callable[[str], Settings]:
    def settings(user: str) -> Settings:
        return {
            "STORE": store_url,
            "REDIS_CA_FILE": authority.file,
            "REDIS_USERNAME": user,
            "REDIS_PASSWORD_FILE": password_file(folder, STORE_PASSWORDS[user]),
        }

    return settings


def produce(settings: Settings, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "producer", "--from", str(PACK), "--count", "40", *options],
        env=child_environment(settings),
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
    )


def work(settings: Settings, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker", "--metrics-port", "0", "--exit-when-idle-s", "3", *options],
        env=child_environment(settings),
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
    )


def at_once(*runs: Callable[[], subprocess.CompletedProcess[str]]) -> list[subprocess.CompletedProcess[str]]:
    """Run all of them in parallel: some wait 15 s for an answer that never arrives."""
    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(lambda run: run(), runs))


def refused(ran: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one-line error, which shows no secret. code: the exit code, 3 if no answer tells the cause."""
    assert ran.returncode == code, ran.stderr
    [line] = [line for line in ran.stderr.splitlines() if ": error: " in line]
    assert "Traceback" not in ran.stderr
    assert not any(word in ran.stderr + ran.stdout for word in ("-secret", "wrong-password"))
    return line


def test_rights_of_deploy_suffice_to_answer_all_jobs(
    tmp_path: Path,
    authority: Authority,
    broker: SecureKafka,
    kafka_user: Callable[[str], Settings],
    store_user: Callable[[str], Settings],
) -> None:
    url = f"kafka://{broker.scram}/{JOBS}"
    sent = produce(kafka_user("producer") | {"TO": url, "JOURNAL_DIR": tmp_path / "one"})
    assert sent.returncode == 0, sent.stderr
    # Invalid bytes, too, so that the rights on the dead letters are needed.
    login = KafkaAccess("scram", Certificates(authority.file), "producer", SecretStr(PASSWORDS["producer"]))
    with open_publisher(url, access=Access(login)) as publisher:
        publisher.send(None, b"rubbish")
        publisher.flush(10)
    worked = work(kafka_user("worker") | store_user("worker") | {"FROM": url})
    assert worked.returncode == 0, worked.stderr
    assert "answered=40 dead_lettered=1" in worked.stderr
    waited = produce(
        kafka_user("producer") | store_user("reader") | {"TO": url, "JOURNAL_DIR": tmp_path / "one"}, "--wait"
    )
    assert waited.returncode == 0, waited.stderr
    assert "40 answered, 0 dead, 0 missing" in waited.stdout


def test_gateway_has_the_rights_of_producer_and_reader(
    tmp_path: Path,
    broker: SecureKafka,
    store_url: str,
    kafka_user: Callable[[str], Settings],
    store_user: Callable[[str], Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"kafka://{broker.scram}/{JOBS}"
    for name, value in (kafka_user("producer") | store_user("reader")).items():
        monkeypatch.setenv(f"MMDIGIT_{name}", str(value))
    form = {"image": (PACK.parent / "images" / "7_00.png").read_bytes()}
    with RunningGateway(url, store_url, tmp_path / "gateway.log") as gateway:
        gateway.wait_until_ready()
        with httpx.Client(base_url="http://{}:{}".format(*gateway.address), timeout=60) as client:
            # Waits without a worker, so that the store's feed is read.
            posted = client.post("/v1/jobs", params={"wait": 1}, files=form, data={"group": "rights"})
            assert posted.status_code == 202, posted.text
            worked = work(kafka_user("worker") | store_user("worker") | {"FROM": url})
            assert worked.returncode == 0, worked.stderr
            assert client.get(posted.headers["Location"]).json()["prediction"]["label"] == 7
            assert client.get("/v1/groups/rights").json()["done"] == 1
            assert len(client.get("/v1/groups/rights/predictions").json()["outcomes"]) == 1
            assert client.get("/readyz").status_code == 200
    assert "lacks a permission" not in gateway.log.read_text()


def test_image_trusts_the_authorities_of_its_system(
    broker: SecureKafka, store_url: str, authority: Authority, kafka_user: Callable[[str], Settings], tmp_path: Path
) -> None:
    """As on MSK and ElastiCache: no kafka_ca_file and no redis_ca_file, and a chain with an intermediate authority."""
    image, url = build(TAG), f"kafka://{broker.scram}/{JOBS}"
    sent = produce(kafka_user("producer") | {"TO": url, "JOURNAL_DIR": tmp_path}, "--group", "public")
    assert sent.returncode == 0, sent.stderr
    settings = {
        "MMDIGIT_FROM": url,
        "MMDIGIT_STORE": store_url,
        "MMDIGIT_KAFKA_SECURITY": "scram",
        "MMDIGIT_KAFKA_USERNAME": "worker",
        "MMDIGIT_KAFKA_PASSWORD": PASSWORDS["worker"],
        "MMDIGIT_REDIS_USERNAME": "worker",
        "MMDIGIT_REDIS_PASSWORD": STORE_PASSWORDS["worker"],
        "MMDIGIT_METRICS_PORT": "0",
        "MMDIGIT_JSON_LOGS": "false",
        "MMDIGIT_EXIT_WHEN_IDLE_S": "3",
    }
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    in_image = ("docker", "run", "--rm", "--network", "host", *LOCKED_DOWN, *environment)
    authority.file.chmod(0o644)
    public = ("--volume", f"{authority.file}:/etc/ssl/certs/ca-certificates.crt:ro")
    worked = run(*in_image, *public, image, timeout_s=120)
    assert worked.returncode == 0, worked.stderr
    assert "answered=40 dead_lettered=0" in worked.stderr
    assert "issued by an untrusted authority; set redis_ca_file" in refused(run(*in_image, image, timeout_s=120))


def test_password_rotation_refuses_nobody(
    tmp_path: Path, store_url: str, authority: Authority, store_user: Callable[[str], Settings]
) -> None:
    old = store_user("worker")
    new = old | {"REDIS_PASSWORD_FILE": password_file(tmp_path, "rotated-secret")}
    queue: Settings = {"FROM": f"sqlite:///{tmp_path / 'queue.db'}"}
    restored = [f"+{STORE_PASSWORDS['worker']}"]
    with store_administrator(store_url, authority) as administrator:
        administrator.acl_setuser("worker", enabled=True, passwords=["+rotated-secret"])
        try:
            for settings in (old, new):
                assert work(settings | queue).returncode == 0
            administrator.acl_setuser("worker", enabled=True, passwords=[f"-{STORE_PASSWORDS['worker']}"])
            assert work(new | queue).returncode == 0
            assert "authentication failed" in refused(work(old | queue))
        finally:
            administrator.acl_setuser("worker", enabled=True, reset_passwords=True, passwords=restored)


def test_replay_rights_are_to_read_dead_letters_and_send_jobs(broker: SecureKafka, authority: Authority) -> None:
    def login(user: str) -> Access:
        return Access(KafkaAccess("scram", Certificates(authority.file), user, SecretStr(PASSWORDS[user])))

    jobs, dead = (f"kafka://{broker.scram}/{topic}" for topic in (JOBS, f"{JOBS}.dead"))
    with open_publisher(dead, access=login("worker")) as publisher:
        publisher.send(None, b"a dead letter")
        publisher.flush(10)
    with open_consumer(dead, group="mmdigit-replay", access=login("replay")) as consumer:
        records = until(lambda: consumer.poll(1, 0.2), "a dead letter")
        consumer.commit({records[0].topic_partition: records[0].offset + 1})
    with open_publisher(jobs, access=login("replay")) as publisher:
        publisher.send(None, b"rubbish")
        publisher.flush(10)
    with open_publisher(dead, access=login("replay")) as publisher:
        publisher.send(None, b"rubbish")
        with pytest.raises(AccessError, match="lacks a permission"):
            publisher.flush(10)


def test_shadow_rights_are_to_read_in_its_own_groups(broker: SecureKafka, authority: Authority) -> None:
    access = Access(KafkaAccess("scram", Certificates(authority.file), "shadow", SecretStr(PASSWORDS["shadow"])))
    producer = Access(KafkaAccess("scram", Certificates(authority.file), "producer", SecretStr(PASSWORDS["producer"])))
    jobs = f"kafka://{broker.scram}/{JOBS}"
    with open_publisher(jobs, access=producer) as publisher:
        publisher.send(None, b"rubbish")
        publisher.flush(10)
    with open_consumer(jobs, group="mmdigit-shadow.0.7.0.mmdigit-2-f7b82bf2", access=access) as consumer:
        records = until(lambda: consumer.poll(1, 0.2), "a job")
        consumer.commit({records[0].topic_partition: records[0].offset + 1})
    with open_consumer(jobs, group="mmdigit", access=access) as consumer, pytest.raises(AccessError):
        until(lambda: consumer.poll(1, 0.2), "a refusal")

    def write(url: str) -> None:
        with open_publisher(url, access=access) as publisher:
            publisher.send(None, b"rubbish")
            publisher.flush(10)

    with pytest.raises(AccessError, match="lacks a permission"):
        write(f"{jobs}.dead")
    with pytest.raises(TransportError, match="ClusterAuthorizationFailed"):  # a producer's number is refused before
        write(jobs)


def test_client_certificate_identifies_a_user(
    tmp_path: Path, broker: SecureKafka, authority: Authority, folder: Path
) -> None:
    certificate, key = authority.issue("client", user="producer")
    settings: Settings = {
        "KAFKA_SECURITY": "tls",
        "KAFKA_CA_FILE": authority.file,
        "TO": f"kafka://{broker.mutual}/{JOBS}",
        "JOURNAL_DIR": tmp_path,
    }
    ran = produce(settings | {"KAFKA_CERT_FILE": certificate, "KAFKA_KEY_FILE": key})
    assert ran.returncode == 0, ran.stderr
    assert "requires a client certificate; set kafka_cert_file" in refused(produce(settings, "--resend"))
    unknown, unknown_key = authority.issue("unknown", user="unknown")
    line = refused(produce(settings | {"KAFKA_CERT_FILE": unknown, "KAFKA_KEY_FILE": unknown_key}, "--resend"))
    assert "lacks a permission" in line


def test_wrong_password_is_named_each_time(broker: SecureKafka, authority: Authority) -> None:
    login = KafkaAccess("scram", Certificates(authority.file), "worker", SecretStr("wrong-password"))
    for _ in range(10):  # the broker closes the connection as it answers; either may be seen first
        with pytest.raises(AccessError, match="authentication of user 'worker' failed"):
            open_publisher(f"kafka://{broker.scram}/{JOBS}", access=Access(login))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("password", "authentication of user '{user}' failed; check kafka_username and kafka_password_file"),
        ("authority", "issued by an untrusted authority; set kafka_ca_file"),
        ("expired", "its certificate has expired"),
        ("elsewhere", "its certificate is for another host name"),
        ("plaintext", "whether this port requires TLS (kafka_security)"),
        ("no-tls", "whether this port uses TLS (else kafka_security plaintext)"),
        ("missing", "expected a readable file as kafka_ca_file"),
    ],
)
def test_kafka_refusal_is_one_line(
    fault: str,
    says: str,
    tmp_path: Path,
    broker: SecureKafka,
    kafka_user: Callable[[str], Settings],
    request: pytest.FixtureRequest,
) -> None:
    wrong: Settings = {}
    address = broker.scram
    if fault == "password":
        wrong["KAFKA_PASSWORD_FILE"] = password_file(tmp_path, "wrong-password")
    elif fault == "authority":
        (tmp_path / "other").mkdir()
        wrong["KAFKA_CA_FILE"] = Authority(tmp_path / "other").file
    elif fault in ("expired", "elsewhere"):
        address = getattr(broker, fault)
    elif fault == "no-tls":
        address = request.getfixturevalue("kafka_bootstrap")
    elif fault == "missing":
        wrong["KAFKA_CA_FILE"] = tmp_path / "missing.pem"
    url, store = f"kafka://{address}/{JOBS}", f"sqlite:///{tmp_path / 'store.db'}"
    users = {user: {} if fault == "plaintext" else kafka_user(user) | wrong for user in ("producer", "worker")}
    runs = at_once(
        lambda: produce(users["producer"] | {"TO": url, "JOURNAL_DIR": tmp_path}),
        lambda: work(users["worker"] | {"FROM": url, "STORE": store}),
    )
    for user, ran in zip(users, runs, strict=True):
        assert " ERROR " not in ran.stderr  # kafka-python's own lines, many of them
        assert says.format(user=user) in refused(ran, 3 if fault in ("plaintext", "no-tls") else 2)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("password", "authentication failed"),
        ("none", "authentication failed"),
        ("authority", "issued by an untrusted authority; set redis_ca_file"),
        ("expired", "its certificate has expired"),
        ("elsewhere", "its certificate is for another host name"),
        ("plaintext", "whether this port requires TLS (then rediss://)"),
        ("no-tls", "whether this port uses TLS (else redis://)"),
        ("mutual", "requires a client certificate; set redis_cert_file"),
    ],
)
def test_redis_refusal_is_one_line(
    fault: str,
    says: str,
    tmp_path: Path,
    authority: Authority,
    store_user: Callable[[str], Settings],
    request: pytest.FixtureRequest,
) -> None:
    settings = store_user("worker")
    queue = f"sqlite:///{tmp_path / 'queue.db'}"

    def both_are_refused(code: int = 2) -> None:
        producing = settings | {"TO": f"sqlite:///{tmp_path / 'jobs.db'}", "JOURNAL_DIR": tmp_path}
        for ran in at_once(lambda: produce(producing, "--wait"), lambda: work(settings | {"FROM": queue})):
            assert says in refused(ran, code)

    if fault == "password":
        settings["REDIS_PASSWORD_FILE"] = password_file(tmp_path, "wrong-password")
    elif fault == "none":
        del settings["REDIS_USERNAME"], settings["REDIS_PASSWORD_FILE"]
    elif fault == "authority":
        (tmp_path / "other").mkdir()
        settings["REDIS_CA_FILE"] = Authority(tmp_path / "other").file
    elif fault in ("expired", "elsewhere", "mutual"):
        host = "elsewhere.test" if fault == "elsewhere" else "127.0.0.1"
        certificate = authority.issue(f"redis-{fault}", host, expired=fault == "expired")
        with secure_redis(tmp_path, authority, certificate, mutual=fault == "mutual") as url:
            settings["STORE"] = url
            both_are_refused()
        return
    elif fault == "plaintext":
        settings = {"STORE": str(settings["STORE"]).replace("rediss", "redis")}
    else:
        settings["STORE"] = request.getfixturevalue("redis_url").replace("redis", "rediss")
    both_are_refused(3 if fault in ("plaintext", "no-tls") else 2)


@pytest.mark.parametrize(
    ("user", "right"),
    [
        ("producer", f"--topic {JOBS} --operation Write"),
        ("worker", f"--topic {JOBS} --operation Read"),
        ("worker", "--group mmdigit --operation Read"),
        ("worker", f"--topic {JOBS}.dead --operation Write"),
    ],
)
def test_missing_kafka_right_is_one_line(
    user: str, right: str, tmp_path: Path, broker: SecureKafka, kafka_user: Callable[[str], Settings]
) -> None:
    url = f"kafka://{broker.scram}/{JOBS}"
    broker.acls(f"--remove --allow-principal User:{user} {right}")
    try:
        if user == "producer":
            ran = produce(kafka_user(user) | {"TO": url, "JOURNAL_DIR": tmp_path})
        else:
            ran = work(kafka_user(user) | {"FROM": url, "STORE": f"sqlite:///{tmp_path / 'store.db'}"})
        assert "lacks a permission (an ACL)" in refused(ran)
    finally:
        broker.acls(f"--add --allow-principal User:{user} {right}")


@pytest.mark.parametrize(
    "right",
    ["evalsha", "exists", "set", "getdel", "hget", "hincrby", "expire", "xadd", "rpush", "lrange", "ping"],
)
def test_missing_redis_command_is_one_line(
    right: str, tmp_path: Path, store_url: str, authority: Authority, store_user: Callable[[str], Settings]
) -> None:
    queue = f"sqlite:///{tmp_path / 'queue.db'}"
    assert produce({"TO": queue, "JOURNAL_DIR": tmp_path}, "--group", f"less-{right}").returncode == 0
    with store_administrator(store_url, authority) as administrator:
        administrator.acl_setuser("worker", enabled=True, commands=[f"-{right}"])
        try:
            ran = work(store_user("worker") | {"FROM": queue})
        finally:
            administrator.acl_setuser("worker", enabled=True, commands=[f"+{right}"])
    assert "lacks a permission" in refused(ran)
