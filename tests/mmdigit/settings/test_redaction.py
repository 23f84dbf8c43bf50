"""Secrets in URLs, well-formed or not: no message shows them and no flag accepts them, in any program."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmdigit.transport.urls
from mmdigit.settings.access import RedisAccess
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.redaction import may_hold_secret, redact
from mmdigit.telemetry.spans import open_tracer
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, system_and_topic
from producer.settings import ProducerSettings
from schemas.errors import MmdigitError, SettingsError
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

ROOT = Path(__file__).parents[3]
SCHEMES = (
    "redis://",
    "rediss+sentinel://",
    "redis+cluster://",
    "kafka://",
    "amqp://",
    "redis:/",
    "kafka:/",
    "http:/",
    "redis:",
    "//",
    "",
)
LOG_INS = ("user:{}@", ":{}@", "{}@", "{}:@", "a@b:{}@", "user:{}@other@")
PARAMETERS = ("?pass={}", "?password={}&a=b", "&auth={}", "?db=0&token={}", ";key={}", "#{}", "?{}", "? password={}")
URLS: dict[type[ProgramSettings], tuple[str, ...]] = {
    WorkerSettings: ("--from", "--store", "--dead-letters", "--otlp-endpoint"),
    ReplaySettings: ("--from", "--to"),
    ShadowSettings: ("--from", "--store"),
    ProducerSettings: ("--to", "--store", "--otlp-endpoint"),
}

words = st.text("abcdefghijkmnopqrstuvwxyz", min_size=8, max_size=12).map(lambda word: f"Q{word}Z")
marks = st.text(":/@?#&=%;,.$ \\é", max_size=2) | st.sampled_from(["%40", "%2540", "\uff20", "\t", "://"])
encodings: list[Callable[[str], str]] = [str, quote, lambda text: quote(text, safe=""), lambda text: quote(quote(text))]


@st.composite
def urls(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A URL that contains a secret, and the words of the secret, none of which may be shown."""
    secret_words = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    mark = draw(marks)
    form = draw(st.sampled_from([*LOG_INS, *PARAMETERS]))
    place = form.format(mark.join(secret_words))
    if form in ("{}@", "{}:@") and ":" in mark and len(secret_words) > 1:
        secret_words = secret_words[1:]  # the first is the user's name, which is shown
    if place.endswith("@"):
        url = f"{draw(st.sampled_from(SCHEMES))}{place}broker:6379/0"
    else:
        bases = [f"{scheme}broker:6379/0" for scheme in SCHEMES]
        # Text after an encoded # or ? is part of a file name, unless it looks like a parameter.
        url = draw(st.sampled_from([*bases, "sqlite:///no/q.db"] if "=" in place[:12] else bases)) + place
    return draw(st.sampled_from(encodings))(url), secret_words


def opened_tracer(url: str) -> None:
    with open_tracer(url, "test", lambda outcome, spans: None):
        """Any error is raised here."""


def opened(url: str) -> str:
    """The messages about the URL from every function that takes one."""
    said = [redact(url)]
    attempts: list[Callable[[], object]] = [
        lambda: open_publisher(url),
        lambda: open_consumer(url, group="g"),
        lambda: dead_letter_url(url),
        lambda: system_and_topic(url),
        lambda: opened_tracer(url),
        lambda: mmdigit.transport.urls._parse_redis_url(
            urlsplit(url), url, RedisAccess()
        ),  # the first step of open_store
    ]
    for attempt in attempts:
        try:
            attempt()
        except (MmdigitError, ValueError) as error:
            said.append(str(error) if isinstance(error, MmdigitError) else "")
    return "\n".join(said)


@settings(max_examples=1000)
@given(urls())
def test_url_errors_show_no_secret(case: tuple[str, list[str]]) -> None:
    url, secret_words = case
    said = opened(url)
    assert [word for word in secret_words if word in said or word in unquote(unquote(said))] == []


@settings(max_examples=500)
@given(urls(), st.sampled_from(sorted(URLS, key=str)), st.data())
def test_secret_in_a_flag_is_rejected_and_not_shown(
    case: tuple[str, list[str]], program: type[ProgramSettings], data: st.DataObject
) -> None:
    url, secret_words = case
    flag = data.draw(st.sampled_from([*URLS[program], URLS[program][0].upper(), URLS[program][0].replace("-", "_")]))
    said = StringIO()
    for argv in ([f"--{flag.lstrip('-_')}", url], [f"--{flag.lstrip('-_')}={url}"]):
        with redirect_stderr(said), redirect_stdout(said), pytest.raises(SettingsError) as caught:
            program.load([*argv, "--help"])
        said.write(str(caught.value))
        assert "no password on the command line" in str(caught.value)
    assert [word for word in secret_words if word in said.getvalue()] == []


@given(urls(), st.sampled_from(["--stoer", "--password", "-p", "-P{}", "--dry-run={}", "--wait={}", "{}", "--x={}"]))
def test_argument_errors_show_only_flags(case: tuple[str, list[str]], form: str) -> None:
    url, secret_words = case
    for program in URLS:
        said = StringIO()
        with redirect_stderr(said), redirect_stdout(said), pytest.raises((SettingsError, SystemExit)) as caught:
            program.load([form.format(url)] if "{}" in form else [form, url])
        said.write(str(caught.value))
        assert [word for word in secret_words if word in said.getvalue()] == []


@pytest.mark.parametrize(
    "url",
    ["redis://host/0", "kafka://a:1,b:2/t", "sqlite:///q.db?topic=t", "sqlite:////a@b/q.db", "http://h:4318", "jobs"],
)
def test_flag_accepts_a_url_without_secret(url: str) -> None:
    assert not may_hold_secret(url)
    assert WorkerSettings.load(["--from", url, "--store", url]).store_url == url
    assert redact(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada@db:5432/forms", None),
        ("postgresql://ada@db/forms?sslmode=verify-full&sslrootcert=/etc/ca.pem", None),
        ("postgresql://ada:word@db/forms", "postgresql://***@db/forms"),
        ("postgresql://db/forms?password=word", "postgresql://db/forms?***"),
        ("postgresql://ada@db/forms?sslmode=verify-full&sslpassword=word", "postgresql://***@db/forms?***"),
        ("postgresql://ada@db/forms?sslmode=verify-full&sslcert=a&password=word", "postgresql://***@db/forms?***"),
        ("postgresql://ada%3Aword@db/forms", "postgresql://***@db/forms"),
    ],
)
def test_database_url_may_name_a_user_but_no_password(url: str, shown: str | None) -> None:
    assert redact(url) == (shown or url)
    assert may_hold_secret(url) == (shown is not None)


@pytest.mark.parametrize("name", ["--METRICS-TOKEN", "--metrics_token", "--Redis-Password", "--kafka_password"])
def test_secret_flag_is_rejected_in_every_spelling(name: str) -> None:
    with pytest.raises(SettingsError, match="no secret on the command line"):
        WorkerSettings.load(["--from", "sqlite:///a", "--store", "sqlite:///a", name, "s3cret"])


def test_help_shows_no_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("FROM", "TO", "STORE", "DEAD_LETTERS", "OTLP_ENDPOINT", "REDIS_PASSWORD", "METRICS_TOKEN"):
        monkeypatch.setenv(f"MMDIGIT_{name}", "redis://user:s3cret@host/0")
    for program in URLS:
        with pytest.raises(SystemExit):
            program.load(["--help"])
    said = capsys.readouterr()
    assert "usage" in said.out
    assert "s3cret" not in said.out + said.err


@pytest.mark.parametrize("url", ["redis:/u:s3cret@h/0", "redis://h/0&auth=s3cret"])
@pytest.mark.parametrize("program", ["worker", "worker replay", "worker shadow", "producer", "mmdigit"])
def test_program_rejects_a_secret_url_with_one_line(program: str, url: str) -> None:
    module, *command = program.split()
    if module == "mmdigit":
        command = [url]
    variables = {"MMDIGIT_FROM": url, "MMDIGIT_TO": f"{url}1", "MMDIGIT_STORE": url, "MMDIGIT_METRICS_PORT": "0"}
    if module == "producer":
        variables |= {"MMDIGIT_FROM": str(ROOT / "samples" / "pack" / "manifest.csv")}
        del variables["MMDIGIT_METRICS_PORT"]
    done = subprocess.run(
        [sys.executable, "-m", module, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | ({} if module == "mmdigit" else variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "***" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user:secret@host/0", "redis://user:***@host/0"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("rediss://user:sec%40ret@[::1]:6379/0", "rediss://user:***@[::1]:6379/0"),
        ("http://user:secret@host:4318", "http://user:***@host:4318"),
        ("sqlite:////a@b/c%20d.db?topic=jobs", "sqlite:////a@b/c%20d.db?topic=jobs"),
        ("kafka://one,two:1,[::1]:9092/jobs", "kafka://one,two:1,[::1]:9092/jobs"),
        # Invalid in every program: hide everything before the last @, each parameter and the fragment.
        ("redis://user:se/cr@et@host/0", "redis://***@host/0"),
        ("redis:/user:secret@host/0", "***@host/0"),
        ("user:secret@host:6379", "***@host:6379"),
        ("redis://secret@host/0", "redis://***@host/0"),
        ("redis%3A%2F%2Fuser%3Asecret%40host", "redis://***@host"),
        ("redis://user\uff1asecret\uff20host", "redis://***@host"),
        ("redis://host/0?auth=se@cret", "redis://***"),
        ("redis://host/0&auth=secret", "redis://host/0&***"),
        ("redis://host/0#secret", "redis://host/0#***"),
        ("redis://user:secret", "redis://user:***"),
        ("host=h password=secret", "host=***"),
        ("kafka://h/t?sasl_password=secret&a=b", "kafka://h/t?***"),
        ("kafka://h/t%3Fpassword%3Dsecret", "kafka://h/t?***"),
        ("sqlite:////user:secret@host/q.db", "sqlite://***@host/q.db"),
        ("", ""),
        ("jobs", "jobs"),
        ("rediss+sentinel://user:secret@h1:1,h2:2/m/0", "rediss+sentinel://user:***@h1:1,h2:2/m/0"),
        ("redis+cluster://:secret@h1:1,h2:2", "redis+cluster://:***@h1:1,h2:2"),
    ],
)
def test_redact_hides_passwords_and_little_else(url: str, shown: str) -> None:
    assert redact(url) == shown
