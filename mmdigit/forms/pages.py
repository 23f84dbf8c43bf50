"""The pages of a scanned file, each decoded in a process that may use a bounded time and memory."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmdigit.files.plain import open_plain
from mmdigit.forms.page import PageFault, ScannedPage
from schemas.errors import DataError
from schemas.printable import printable

COMMAND = [sys.executable, "-m", "mmdigit.forms.page_process"]
MAX_FILE_BYTES = 512 * 1024 * 1024
PAGE_TIMEOUT_S = 30.0
MAX_LINE = 4_096  # bytes of a message's first line
MAX_PAGE_BYTES = 32_000_000  # pixels of a page
MAX_RESTARTS = 5  # so often decoding of one file goes on after a page that has ended it


def read_pages(path: Path, timeout_s: float = PAGE_TIMEOUT_S) -> Iterator[ScannedPage | PageFault]:
    """Every page of a PDF, TIFF, PNG or JPEG file in order; a page that cannot be read is a fault with its reason.

    timeout_s: for one page. Raises DataError for a file that cannot be opened or is larger than MAX_FILE_BYTES.
    """
    try:
        file = open_plain(path, MAX_FILE_BYTES)
    except OSError as exc:
        raise DataError(
            f"expected a scan at {printable(str(path), 200)}, it cannot be read ({exc.strerror}); check the path"
        ) from exc
    with file:
        first = 1
        for _ in range(MAX_RESTARTS):
            file.seek(0)
            ended_at = yield from _run(file, first, timeout_s)
            if ended_at is None:
                return
            first = ended_at + 1
    yield PageFault(first, "unreadable", f"expected pages, got {MAX_RESTARTS} that ended the decoder; check the file")


def _run(file: BinaryIO, first: int, timeout_s: float) -> Generator[ScannedPage | PageFault, None, int | None]:
    """Returns the number of the page that ended the process; None if all are read."""
    number = first
    with subprocess.Popen([*COMMAND, str(first)], 0, None, file, subprocess.PIPE, subprocess.DEVNULL) as process:  # noqa: S603
        try:
            reader = _Reader(process.stdout, timeout_s)  # type: ignore[arg-type]  # a pipe was asked for
            while (page := reader.next_page()) is not None:
                yield page
                number = page.number + 1
        except TimeoutError:
            yield PageFault(number, "unreadable", f"expected a page within {timeout_s:g} s, got none; scan it again")
            return number
        except EOFError:
            message = "expected a page that can be read within 1 GB, got one that ended the decoder; scan it again"
            yield PageFault(number, "unreadable", message)
            return number
        finally:
            process.kill()
    return None


class _Reader:
    """The messages of a page process. Its own bounds hold whatever the process writes."""

    def __init__(self, pipe: BinaryIO, timeout_s: float) -> None:
        self._pipe, self._timeout_s = pipe, timeout_s
        self._rest = b""

    def next_page(self) -> ScannedPage | PageFault | None:
        """None at the end. Raises TimeoutError, and EOFError if the process ends or writes anything else."""
        deadline = time.monotonic() + self._timeout_s
        while b"\n" not in self._rest and len(self._rest) < MAX_LINE:
            self._rest += self._more(deadline)
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            header = json.loads(line)
            if not header:
                return None
            if "reason" in header:
                return PageFault(int(header["number"]), "unreadable", printable(str(header["message"]), 300))
            width, height = int(header["width"]), int(header["height"])
            if not 0 < width * height <= MAX_PAGE_BYTES:
                raise EOFError("expected a page within the bounds")
            pixels = self._exactly(width * height, deadline)
            page = np.frombuffer(pixels, np.uint8).reshape(height, width)
            return ScannedPage(int(header["number"]), page, header["dpi"])
        except (ValueError, KeyError, TypeError) as exc:
            raise EOFError("expected a message of the page process") from exc

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
        ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(self._pipe.fileno(), 1 << 20)
        if not part:
            raise EOFError
        return part
