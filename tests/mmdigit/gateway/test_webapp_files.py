"""The files of the web app as the gateway finds them, vendored ones included."""

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

from mmdigit.gateway.webapp_files import LIST, list_of, load_files

WEBAPP = Path("mmdigit/webapp")


def test_files_are_what_index_and_modules_name() -> None:
    found = load_files()
    index = found["index.html"].content.decode()
    for path in re.findall(r'(?:href|src)="/app/([^"]+)"', index):
        assert path in found, path
    assert found["model/mmdigit.onnx"].media_type == "application/octet-stream"
    assert not any(path.endswith((".py", ".md", ".gz")) for path in found)


def test_compressed_file_is_named_as_what_it_holds() -> None:
    wasm = load_files()["vendor/ort-wasm-simd-threaded.wasm"]
    assert (wasm.encoding, wasm.media_type) == ("gzip", "application/wasm")
    assert gzip.decompress(wasm.content)[:4] == b"\0asm"


def test_vendored_files_are_those_that_the_readme_pins() -> None:
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| `([0-9a-f]{64})` \|$", (WEBAPP / "vendor" / "README.md").read_text(), re.M)
    found = load_files()
    assert len(rows) == 3
    for name, pinned in rows:
        file = found[f"vendor/{name}"]
        content = gzip.decompress(file.content) if file.encoding else file.content
        assert sha256(content).hexdigest() == pinned, name


def test_tag_follows_from_the_content() -> None:
    found = load_files()
    assert found["index.html"].etag != found["icon.svg"].etag
    assert load_files()["index.html"].etag == found["index.html"].etag


def test_list_names_every_other_file() -> None:
    found = load_files()
    listed = json.loads(found[LIST].content)
    assert set(listed["files"]) == set(found) - {LIST}
    wasm = found["vendor/ort-wasm-simd-threaded.wasm"]
    assert listed["files"]["vendor/ort-wasm-simd-threaded.wasm"] == {
        "sha256": sha256(gzip.decompress(wasm.content)).hexdigest(),  # as the browser has it
        "type": "application/wasm",
        "bytes": len(wasm.content),
    }


def test_version_follows_from_every_file() -> None:
    found = dict(load_files())
    del found[LIST]
    versions = {json.loads(list_of({**found, path: found["icon.svg"]}))["version"] for path in found}
    assert len(versions) == len(found)
