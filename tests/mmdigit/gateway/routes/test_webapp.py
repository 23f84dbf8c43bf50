"""GET / and /app/...: the files of the web app, their headers, and what is refused."""

from pathlib import Path

import httpx
import pytest

from tests.mmdigit.gateway.asgi import Api, with_api


def test_page_runs_its_own_scripts_alone(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        answer = await api.client.get("/")
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self' 'wasm-unsafe-eval'")
        assert policy["connect-src"] == "'self'"
        assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "mmdigit")
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert "camera=(self), microphone=(self)" in answer.headers["permissions-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    with_api(tmp_path, test)


def test_file_that_a_browser_has_is_not_sent_again(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        first = await api.client.get("/app/js/main.js")
        again = await api.client.get("/app/js/main.js", headers={"If-None-Match": first.headers["etag"]})
        assert (first.headers["cache-control"], again.status_code, again.content) == ("no-cache", 304, b"")

    with_api(tmp_path, test)


def test_compressed_file_says_so(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        wasm: httpx.Response = await api.client.get("/app/vendor/ort-wasm-simd-threaded.wasm")
        assert (wasm.headers["content-encoding"], wasm.headers["content-type"]) == ("gzip", "application/wasm")
        assert wasm.content[:4] == b"\0asm"

    with_api(tmp_path, test)


@pytest.mark.parametrize(
    "path", ["__init__.py", "../gateway/app.py", "..%2f..%2fetc/passwd", "js/", "", "vendor/README.md"]
)
def test_other_files_are_refused(tmp_path: Path, path: str) -> None:
    async def test(api: Api) -> None:
        answer = await api.client.get(f"/app/{path}")
        assert answer.status_code == 404
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"

    with_api(tmp_path, test)
