"""Hands sounds to a page's modules and takes them back: arrays cross as base64."""

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

Samples = NDArray[np.float32]

_BYTES = "const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))\n"
_PRELUDE = f"""{_BYTES}
const samplesOf = (text) => new Float32Array(bytesOf(text).buffer)
const textOf = (values) => {{
  const bytes = new Uint8Array(Float32Array.from(values).buffer)
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}}
"""


def call(page: Page, module: str, body: str, argument: object = None) -> Any:
    """What the body of an async function returns. It has the module's exports as `m`, `given`, and bytesOf, samplesOf
    and textOf for base64.
    """
    script = f"async (given) => {{ {_PRELUDE} const m = await import({json.dumps('/app/js/' + module)})\n{body} }}"
    return page.evaluate(script, argument)


def encoded(samples: Samples) -> str:
    """For samplesOf."""
    return base64.b64encode(np.asarray(samples, "<f4").tobytes()).decode()


def decoded(text: str) -> Samples:
    """From textOf."""
    return np.frombuffer(base64.b64decode(text), "<f4")


def packed(content: bytes) -> str:
    """For bytesOf."""
    return base64.b64encode(content).decode()


def unpacked(text: str) -> bytes:
    """From btoa."""
    return base64.b64decode(text)
