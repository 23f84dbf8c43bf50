"""The gateway's settings: MMDIGIT_* variables and flags, one frozen class."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from mmdigit.settings.access_settings import AccessSettings
from mmdigit.settings.database_settings import FORMS_URL, DatabasePasswordSettings
from mmdigit.settings.gateway_database_settings import GatewayDatabaseSettings
from mmdigit.settings.jobs_topic import JobsUrl
from mmdigit.settings.lists import split
from mmdigit.settings.service_settings import MetricsPort, ServiceSettings
from mmdigit.settings.webhook_settings import WebhookSecretSettings

Login = Literal["none", "token"]


def _checked_page(url: str) -> str:
    """Everybody who watches sees it, so that it may have no password."""
    try:
        parts = urlsplit(url)
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
        has_login = "@" in parts.netloc
    except ValueError:
        is_page = has_login = False
    if not is_page or has_login:
        raise ValueError("expected the URL of a page, http(s)://host/path, without a user or password; change it")
    return url


PageUrl = Annotated[str, Field(max_length=2000), AfterValidator(_checked_page)]


class GatewaySettings(
    ServiceSettings, AccessSettings, GatewayDatabaseSettings, DatabasePasswordSettings, WebhookSecretSettings
):
    """Serves the HTTP API: takes jobs, publishes them, and returns their predictions. Needs the extra `gateway`."""

    prog: ClassVar[str] = "python -m mmdigit.gateway"

    jobs_url: JobsUrl
    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            repr=False,
            examples=["redis://localhost:6379/0"],
            description="prediction store of the workers: redis(s)://host:6379/0 or sqlite:///file",
        ),
    ]
    pages_url: Annotated[
        str | None,
        Field(
            validation_alias="pages",
            repr=False,
            examples=["kafka://localhost:29092/mmdigit.pages"],
            description="topic of scanned pages, which `python -m mmdigit.forms worker` consumes; with --template and "
            "--forms, the API takes forms",
        ),
    ] = None
    templates: Annotated[
        tuple[Path, ...],
        NoDecode,
        BeforeValidator(split),
        Field(
            validation_alias="template",
            max_length=64,
            examples=["form.yaml"],
            description="the forms that may be sent, separated by commas: those of the page workers",
        ),
    ] = ()
    forms_url: Annotated[
        str | None,
        Field(
            validation_alias="forms",
            repr=False,
            examples=["sqlite:///forms.db"],
            description=f"database of the page workers: {FORMS_URL}",
        ),
    ] = None
    control_share: Annotated[
        float,
        Field(ge=0, le=1, description="share of the accepted fields that people key blindly for control; 0 draws none"),
    ] = 0.02
    control_seed: Annotated[
        int, Field(ge=0, description="which fields are drawn for control; keep it from those who key")
    ] = 0
    review_lease_s: Annotated[
        float,
        Field(ge=5, le=86_400, description="seconds that somebody who reviews holds fields after their last key"),
    ] = 300.0
    webhook_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(split),
        Field(
            max_length=64,
            examples=["hooks.example.com"],
            description="hosts to which webhooks may go, separated by commas: exact names, whatever addresses they "
            "have; by default none. Needs a webhook secret",
        ),
    ] = ()
    grafana_url: Annotated[
        PageUrl | None,
        Field(
            examples=["https://grafana.example.com/d/mmdigit-gateway"],
            description="page of dashboards, to which the web app's Watch links",
        ),
    ] = None
    host: Annotated[str, Field(min_length=1, description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 picks a free one and logs it")] = 8000
    metrics_port: MetricsPort = 9102
    login: Annotated[
        Login | None,
        Field(
            description="token: callers need a bearer token (`mmdigit token create`); none: nobody needs one, allowed "
            "on a loopback address alone; by default none there and token elsewhere"
        ),
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(split),
        Field(max_length=64, description="names in the Host header besides --host and localhost, separated by commas"),
    ] = ()
    oidc_issuer: Annotated[
        str | None,
        Field(
            min_length=1,
            examples=["https://login.example.com/realms/forms"],
            description="OpenID provider whose JWTs are tokens, too: the URL as it stands in their claim iss",
        ),
    ] = None
    oidc_audience: Annotated[
        str | None, Field(min_length=1, description="what JWTs for this gateway have in their claim aud")
    ] = None
    oidc_tenant_claim: Annotated[
        str | None,
        Field(min_length=1, description="claim with the caller's tenant; without it, all belong to the default one"),
    ] = None
    max_backlog_s: Annotated[
        float, Field(gt=0, le=86_400, description="seconds that a job may wait, beyond which new ones get 429")
    ] = 60.0
    max_batch_bytes: Annotated[int, Field(ge=1024, le=2**40, description="largest body of a batch, in bytes")] = (
        256 * 1024 * 1024
    )
    max_requests_per_s: Annotated[
        float, Field(gt=0, le=1e6, description="requests a second that one token may make, and at once")
    ] = 1000.0
    max_streams: Annotated[int, Field(ge=1, le=100_000, description="event streams that one token may hold open")] = 100
    max_connections: Annotated[
        int, Field(ge=16, le=100_000, description="open connections; beyond them the one longest idle is closed")
    ] = 4096

    @model_validator(mode="after")
    def _login_where_it_is_needed(self) -> Self:
        if self.login == "none" and not self.is_loopback:
            raise ValueError(
                "expected login token on an address that other machines reach; set --login token or --host 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _oidc_is_complete(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("expected oidc_issuer and oidc_audience together, got one; set both or none")
        if self.oidc_issuer is None and self.oidc_tenant_claim is not None:
            raise ValueError("expected oidc_issuer with oidc_tenant_claim, got none; set it")
        if self.oidc_issuer is not None and not self.needs_login:
            raise ValueError("expected login token with oidc_issuer, got none; set --login token")
        return self

    @model_validator(mode="after")
    def _forms_whole_or_not(self) -> Self:
        given = (self.pages_url is not None, bool(self.templates), self.forms_url is not None)
        if any(given) and not all(given):
            raise ValueError("expected --pages, --template and --forms together, got only some; set all or none")
        return self

    @model_validator(mode="after")
    def _webhooks_signed(self) -> Self:
        if self.webhook_hosts and self.webhook_secret is None and self.webhook_secret_file is None:
            raise ValueError("expected a secret that signs webhooks, got none; set --webhook-secret-file")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def needs_login(self) -> bool:
        """Whether callers need a token."""
        return self.login == "token" if self.login is not None else not self.is_loopback
