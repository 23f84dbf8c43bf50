"""The store over TLS: the server's certificate and name are verified, and nothing less is taken."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer

from lab.kit.polling import until
from lab.kit.services import POSTGRES_IMAGE, POSTGRES_PASSWORD, skip_missing_ryuk
from mmdigit.forms.store.sql_store import open_page_store
from schemas.errors import AccessError
from tests.mmdigit.forms.store.kept import page
from tests.secure import Authority

pytestmark = pytest.mark.docker
PASSWORD = SecretStr(POSTGRES_PASSWORD)
START = (
    "install -o postgres -m 600 /tls/server.key /tmp/server.key && exec docker-entrypoint.sh postgres -c ssl=on "
    "-c ssl_cert_file=/tls/server.pem -c ssl_key_file=/tmp/server.key -c ssl_min_protocol_version=TLSv1.2"
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a server whose certificate is for localhost alone, and the authority's file."""
    skip_missing_ryuk()
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    authority = Authority(folder)
    authority.issue("server", "localhost")
    container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432).with_volume_mapping(str(folder), "/tls", "ro")
    container = container.with_env("POSTGRES_USER", "forms").with_env("POSTGRES_PASSWORD", POSTGRES_PASSWORD)
    with container.with_command(["bash", "-c", START]):
        port = int(container.get_exposed_port(5432))

        def answers() -> bool:
            try:
                options = {"host": "127.0.0.1", "port": port, "user": "forms", "sslmode": "require"}
                with closing(psycopg.connect(**options, password=POSTGRES_PASSWORD)):  # type: ignore[arg-type]
                    return True
            except psycopg.OperationalError:
                return False

        until(answers, "a PostgreSQL server with TLS")
        yield port, authority.file


def test_store_works_over_verified_tls(tls: tuple[int, Path]) -> None:
    port, authority = tls
    url = f"postgresql://forms@localhost:{port}/forms?sslmode=verify-full&sslrootcert={authority}"
    with open_page_store(url, PASSWORD) as store:
        store.put_pages([page()])
        assert store.known_groups(["INTK.1"]) == {"INTK.1"}


def test_server_with_another_name_is_refused(tls: tuple[int, Path]) -> None:
    port, authority = tls
    url = f"postgresql://forms@127.0.0.1:{port}/forms?sslmode=verify-full&sslrootcert={authority}"
    with pytest.raises(AccessError, match="does not match host name") as caught:
        open_page_store(url, PASSWORD)
    assert POSTGRES_PASSWORD not in str(caught.value)


def test_server_of_another_authority_is_refused(tls: tuple[int, Path], tmp_path: Path) -> None:
    port, _ = tls
    other = Authority(tmp_path).file
    for root in ("", f"&sslrootcert={other}"):
        with pytest.raises(AccessError, match="certificate verify failed"):
            open_page_store(f"postgresql://forms@localhost:{port}/forms?sslmode=verify-full{root}", PASSWORD)


def test_server_without_tls_is_refused(postgres_url: str, tls: tuple[int, Path]) -> None:
    with pytest.raises(AccessError, match="does not support SSL"):
        open_page_store(f"{postgres_url}?sslmode=verify-full&sslrootcert={tls[1]}", PASSWORD)
