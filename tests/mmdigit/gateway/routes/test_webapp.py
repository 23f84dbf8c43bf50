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


@pytest.mark.parametrize("tags", ["W/{}", '"other", {}', '"other",W/{}', "*"])
def test_tag_may_be_weak_or_one_of_several(tmp_path: Path, tags: str) -> None:
    async def test(api: Api) -> None:
        etag = (await api.client.get("/")).headers["etag"]
        answers = [
            await api.client.get("/", headers={"If-None-Match": sent}) for sent in (tags.format(etag), '"x", W/"y"')
        ]
        assert [answer.status_code for answer in answers] == [304, 200]

    with_api(tmp_path, test)


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("br, gzip", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0.5", "gzip"),
        ("identity", None),
        ("gzip;q=0.0, *", None),
        ("", None),
    ],
)
def test_file_is_plain_for_who_takes_no_gzip(tmp_path: Path, accepts: str, encoding: str | None) -> None:
    async def test(api: Api) -> None:
        wasm = await api.client.get("/app/vendor/ort-wasm-simd-threaded.wasm", headers={"Accept-Encoding": accepts})
        assert (wasm.headers.get("content-encoding"), wasm.headers["vary"]) == (encoding, "Accept-Encoding")
        assert (wasm.headers["etag"].endswith('-plain"'), wasm.content[:4]) == (encoding is None, b"\0asm")

    with_api(tmp_path, test)


@pytest.mark.parametrize("path", ["/", "/service-worker.js", "/app/js/main.js"])
def test_head_is_a_get_without_content(tmp_path: Path, path: str) -> None:
    async def test(api: Api) -> None:
        got, head = await api.client.get(path), await api.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "etag", "content-type"):
            assert head.headers[name] == got.headers[name]

    with_api(tmp_path, test)
