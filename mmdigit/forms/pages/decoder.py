"""The pages of scanned files, decoded or split in a process of their own that may use a bounded time and memory."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from mmdigit.files.regular import read_regular
from mmdigit.forms.pages.page import PageFault, ScannedPage, SinglePage
from schemas.errors import DataError
from schemas.page import MAX_CONTENT_BYTES, MAX_SCANNER_CHARACTERS
from schemas.printable import printable

COMMAND = [sys.executable, "-m", "mmdigit.forms.pages.process"]
SUFFIXES = (".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg")
MAX_FILE_BYTES = 256 * 1024 * 1024
PAGE_TIMEOUT_S = 30.0
MAX_LINE = 4_096  # bytes of a message's first line
MAX_PAGE_BYTES = 32_000_000  # pixels of a page
MAX_RESTARTS = 5  # so often decoding of one file goes on after a page that has ended the process

T = TypeVar("T")


def read_scan(path: Path) -> bytes:
    """The bytes of a file. Raises DataError if it cannot be read or is larger than MAX_FILE_BYTES."""
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as exc:
        raise DataError(
            f"expected a scan at {printable(str(path), 200)}, it cannot be read ({exc.strerror}); check the path"
        ) from exc


class PageDecoder:
    """Decodes one file after the other. A context manager: its process ends with the block."""

    def __init__(self, timeout_s: float = PAGE_TIMEOUT_S) -> None:
        """timeout_s: for one page."""
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()

    def pages_of(self, path: Path) -> Iterator[ScannedPage | PageFault]:
        """As decode; raises DataError as read_scan."""
        return self.decode(read_scan(path))

    def decode(self, content: bytes, first: int = 1) -> Iterator[ScannedPage | PageFault]:
        """Every page of a PDF, TIFF, PNG or JPEG file from that number on, in order; a page that cannot be read is a
        fault with its reason.

        A page that takes too long or ends the process is a fault, too, and the next one follows.
        """
        return self._pages(content, first, False, self._pixels)

    def split(self, content: bytes) -> Iterator[SinglePage | PageFault]:
        """As decode, but each page as a file of its own, of at most MAX_CONTENT_BYTES."""
        return self._pages(content, 1, True, self._file)

    def _pages(
        self, content: bytes, first: int, split: bool, body: Callable[[dict[str, Any], float], T]
    ) -> Iterator[T | PageFault]:
        number = first
        for _ in range(MAX_RESTARTS):
            try:
                self._ask(content, number, split)
                while (page := self._next_page(body)) is not None:
                    yield page[1]
                    number = page[0] + 1
                return
            except TimeoutError:
                message = f"expected a page within {self._timeout_s:g} s, got none; scan it again"
            except (EOFError, BrokenPipeError):
                message = "expected a page that can be read within 1 GB, got one that ended the decoder; scan it again"
            except GeneratorExit:
                self._stop()  # what is left of the answer is of no use to the next file
                raise
            self._stop()
            yield PageFault(number, "unreadable", message, ended_decoder=True)
            number += 1
        message = f"expected pages, got {MAX_RESTARTS} that ended the decoder; check the file"
        yield PageFault(number, "unreadable", message, ended_decoder=True)

    def _ask(self, content: bytes, first: int, split: bool) -> None:
        if self._process is None:
            self._rest = b""
            self._process = subprocess.Popen(COMMAND, 0, None, subprocess.PIPE, subprocess.PIPE, subprocess.DEVNULL)  # noqa: S603
        written = self._process.stdin
        if written is None:
            raise EOFError
        request = {"first": first, "size": len(content), "split": split}
        view = memoryview(json.dumps(request).encode() + b"\n" + content)
        while view:
            view = view[written.write(view) or 0 :]

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()

    def _next_page(self, body: Callable[[dict[str, Any], float], T]) -> tuple[int, T | PageFault] | None:
        """The number and the page; None after the last one.

        Raises TimeoutError, and EOFError if the process ends or writes anything else.
        """
        deadline = time.monotonic() + self._timeout_s
        while b"\n" not in self._rest and len(self._rest) < MAX_LINE:
            self._rest += self._more(deadline)
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            header = json.loads(line)
            if not header:
                return None
            number = int(header["number"])
            if "reason" in header:
                return number, PageFault(number, "unreadable", printable(str(header["message"]), 300))
            return number, body(header, deadline)
        except (ValueError, KeyError, TypeError) as exc:
            raise EOFError("expected a message of the page process") from exc

    def _pixels(self, header: dict[str, Any], deadline: float) -> ScannedPage:
        width, height = int(header["width"]), int(header["height"])
        if not 0 < width * height <= MAX_PAGE_BYTES:
            raise EOFError("expected a page within the bounds")
        pixels = np.frombuffer(self._exactly(width * height, deadline), np.uint8).reshape(height, width)
        return ScannedPage(int(header["number"]), pixels, header["dpi"], _scanner(header))

    def _file(self, header: dict[str, Any], deadline: float) -> SinglePage:
        size = int(header["bytes"])
        if not 0 < size <= MAX_CONTENT_BYTES:
            raise EOFError("expected a page within the bounds")
        return SinglePage(int(header["number"]), self._exactly(size, deadline), _scanner(header))

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts, missing = [self._rest[:size]], size - len(self._rest)
        self._rest = self._rest[size:]
        while missing > 0:
            part = self._more(deadline)
            parts.append(part[:missing])
            self._rest = part[missing:]
            missing -= len(part)
        return b"".join(parts)

    def _more(self, deadline: float) -> bytes:
        if self._process is None or self._process.stdout is None:
            raise EOFError
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(self._process.stdout.fileno(), 1 << 20)
        if not part:
            raise EOFError
        return part


def _scanner(header: dict[str, Any]) -> str:
    return printable(str(header["scanner"]), MAX_SCANNER_CHARACTERS - 3)
