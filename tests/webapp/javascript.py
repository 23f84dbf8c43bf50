"""Calls functions of the app's JavaScript modules in a page, with numpy arrays as arguments and results."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from mmdigit.gateway.webapp_files import load_files

_TYPES: dict[str, type[np.generic]] = {
    "Float32Array": np.float32,
    "Float64Array": np.float64,
    "Uint8Array": np.uint8,
    "Int32Array": np.int32,
}

_CALL = """async ({ module, name }) => {
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const textOf = (bytes) => {
    let text = ""
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
    return btoa(text)
  }
  const unpack = (value) => {
    if (Array.isArray(value)) return value.map(unpack)
    if (value === null || typeof value !== "object") return value
    if (!value.type) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpack(each)]))
    if (value.type === "Blob") return new Blob([bytesOf(value.bytes)])
    const data = new globalThis[value.type](bytesOf(value.bytes).buffer)
    return value.width === undefined ? data : { width: value.width, height: value.height, data }
  }
  const pack = (value) => {
    if (Array.isArray(value)) return value.map(pack)
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      return { type: value.constructor.name, bytes: textOf(bytes) }
    }
    if (value === null || typeof value !== "object") return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, pack(each)]))
  }
  const wanted = (await import(module))[name]
  const results = []
  for (const parameters of await (await fetch("/calls")).json()) {
    const given = parameters.map(unpack)
    try {
      results.push(pack(await wanted(...given)))
    } catch (error) {
      if (!error.code) throw error
      results.push({ code: error.code, message: error.message })
    }
  }
  await fetch("/results", { method: "POST", body: JSON.stringify(results) })
}"""


class ModulePage:
    """An empty page that finds the app's modules at their places, sent by a server of its own without a gateway.

    Arguments and results travel by the same server: Playwright's own way takes a second for a megabyte.
    """

    def __init__(self, page: Page, server: "_Server") -> None:
        self._page, self._server = page, server
        page.goto(f"http://localhost:{server.server_port}/")

    def call(self, module: str, name: str, calls: Iterable[Sequence[Any]]) -> list[Any]:
        """What the function of the module /app/js/MODULE returns for each list of arguments.

        An array of two or more dimensions becomes {width, height, data}, one of one dimension a typed array, bytes a
        Blob. Planes among the results become arrays again. An error with a code becomes a dictionary of its code and
        message.
        """
        packed = [[_pack(each) for each in parameters] for parameters in calls]
        self._server.calls = json.dumps(packed).encode()
        self._page.evaluate(_CALL, {"module": f"/app/js/{module}", "name": name})
        return [_unpack(result) for result in json.loads(self._server.results)]


@contextmanager
def module_page(browser: Browser) -> Iterator[ModulePage]:
    """A ModulePage in a browser profile of its own."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        context = browser.new_context()
        try:
            yield ModulePage(context.new_page(), server)
        finally:
            context.close()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    files = load_files()
    calls = results = b""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = self.server.files.get(self.path.removeprefix("/app/"))
        if self.path == "/calls":
            self._send("application/json", self.server.calls)
        elif found is not None:
            self._send(found.media_type, found.content, found.encoding)
        else:
            self._send("text/html", b"<!doctype html><title>modules</title>")

    def do_POST(self) -> None:
        self.server.results = self.rfile.read(int(self.headers["Content-Length"]))
        self._send("text/plain", b"")

    def _send(self, media_type: str, content: bytes, encoding: str | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        if encoding is not None:
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _pack(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"type": "Blob", "bytes": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray):
        value = value.view(np.uint8) if value.dtype == np.bool_ else value
        name = next(name for name, dtype in _TYPES.items() if value.dtype == dtype)
        plane = {} if value.ndim == 1 else {"height": value.shape[0], "width": value.shape[1]}
        return {"type": name, "bytes": base64.b64encode(np.ascontiguousarray(value).tobytes()).decode(), **plane}
    if isinstance(value, list | tuple):
        return [_pack(each) for each in value]
    if isinstance(value, dict):
        return {key: _pack(each) for key, each in value.items()}
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"type", "bytes"}:
        return np.frombuffer(base64.b64decode(value["bytes"]), _TYPES[value["type"]])
    result = {key: _unpack(each) for key, each in value.items()}
    if result.keys() == {"width", "height", "data"}:
        shape = (result["height"], result["width"])
        return result["data"].reshape(shape if result["data"].size == shape[0] * shape[1] else (*shape, -1))
    return result
