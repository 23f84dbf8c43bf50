"""The files of the web app, read once: what each is, and the tag by which a browser knows that it has it already."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".ogg": "audio/ogg",
    ".onnx": "application/octet-stream",
    ".npz": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""By suffix; files of other kinds are not served."""
MODEL = {
    "mmdigit.reading": ("weights/mmdigit.onnx", "weights/mmdigit.json", "weights/crossed_out.npz"),
    "mmdigit.numbers": ("spoken.onnx", "spoken_calibration.json", "written.json"),
}
"""Files of other packages, served under model/, so that the page runs the model that ships."""

LIST = "files.json"
"""Names every other file, for mmdigit/webapp/service-worker.js."""


@dataclass(frozen=True)
class WebappFile:
    """A file as it is sent. encoding: of its content, such as gzip; None if it is sent plain. sha256: of it plain."""

    content: bytes
    media_type: str
    etag: str
    sha256: str
    encoding: str | None = None


def load_files() -> Mapping[str, WebappFile]:
    """Every file by its path below /app/, such as js/main.js. A file NAME.gz is NAME, compressed."""
    found = dict(_below(files("mmdigit.webapp"), ""))
    for package, paths in MODEL.items():
        for path in paths:
            name = path.rpartition("/")[2]
            found[f"model/{name}"] = _file(name, (files(package) / path).read_bytes())
    found[LIST] = _file(LIST, list_of(found))
    return found


def list_of(found: Mapping[str, WebappFile]) -> bytes:
    """What a browser keeps to work without a network: what each file is, and its size as sent; a version for all."""
    listed = {
        path: {"sha256": file.sha256, "type": file.media_type, "bytes": len(file.content)}
        for path, file in sorted(found.items())
    }
    version = hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]
    return json.dumps({"version": version, "files": listed}).encode()


def _below(folder: Traversable, prefix: str) -> list[tuple[str, WebappFile]]:
    found: list[tuple[str, WebappFile]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _below(entry, f"{prefix}{entry.name}/")
            continue
        name = entry.name.removesuffix(".gz")
        if _suffix(name) in TYPES:
            found.append((prefix + name, _file(entry.name, entry.read_bytes())))
    return found


def _file(name: str, content: bytes) -> WebappFile:
    plain = name.removesuffix(".gz")
    sent = hashlib.sha256(content).hexdigest()
    if plain == name:
        sha256, encoding = sent, None
    else:
        sha256, encoding = hashlib.sha256(gzip.decompress(content)).hexdigest(), "gzip"
    return WebappFile(content, TYPES[_suffix(plain)], f'"{sent[:32]}"', sha256, encoding)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
