"""Fetches one file over HTTP: checked, bounded in size, with its progress; a transfer that broke off goes on.

pooch (BSD-3-Clause) retries, checks the checksum and puts the file in place once it is complete. It starts an
interrupted file again, so the transfer is here: what arrived stays in FILE.part, and the next one asks for the rest.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pooch
import requests
from rich.progress import Progress

from schemas.errors import DataError
from schemas.printable import printable

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 30.0
RETRIES = 2  # of each address, after 1 s and after 2 s

pooch.get_logger().setLevel(logging.WARNING)  # the progress bar shows the rest


@dataclass(frozen=True)
class Source:
    """One file to fetch.

    urls: tried in this order. checksum: SHA-256 of the file as it is transferred, or md5:...; None = not known, what is
    in the file is checked instead. n_bytes: its size, or about that; at most twice as much is fetched.
    """

    urls: tuple[str, ...]
    checksum: str | None
    n_bytes: int


@dataclass(frozen=True)
class PublicSet:
    """One data set to fetch.

    sources: by file name. kept_bytes: what it takes on disk, about. missing: of the folder of data sets, the names of
    what is to be fetched, none if the set is complete. install: puts what was fetched from a work folder into the
    folder of data sets, whole or not at all, and raises DataError if it is damaged.
    """

    sources: Mapping[str, Source]
    kept_bytes: int
    missing: Callable[[Path], list[str]]
    install: Callable[[Path, Path, Progress], None]


def fetch(source: Source, path: Path, progress: Progress) -> Path:
    """Fetch one file to path, which is returned; a file that is there already is only checked.

    Raises DataError if no address has it, OSError if it cannot be written.
    """
    task = progress.add_task(path.name, total=None)
    part = path.with_name(f"{path.name}.part")

    def transfer(url: str, output_file: Any, cache: Any, *, check_only: bool | None = None) -> None:
        _receive(url, source, part, lambda done, total: progress.update(task, completed=done, total=total))
        part.replace(output_file)

    failure = ""
    for url in source.urls:
        registry, urls = {path.name: source.checksum}, {path.name: url}
        cache = pooch.create(path.parent, "", registry=registry, urls=urls, retry_if_failed=RETRIES)
        try:
            cache.fetch(path.name, downloader=transfer)
        except (requests.RequestException, ValueError) as exc:  # ValueError: another checksum, or too large
            failure = printable(f"{url}: {exc}", 500)
        else:
            return path
    raise DataError(
        f"expected {path.name} from the network, got {failure}; check the connection and run it again: it goes on "
        "where it stopped"
    )


def _receive(url: str, source: Source, part: Path, show: Callable[[int, int | None], None]) -> None:
    """Append to part what it lacks, or write it anew if the server sends the whole file.

    Without a checksum nobody would see that the halves belong to different files: that starts again.
    """
    done = part.stat().st_size if source.checksum is not None and part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # no compression on the way: the bytes counted are the bytes written
    if done:
        headers["Range"] = f"bytes={done}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if done and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is left to receive; the checksum decides
        response.raise_for_status()
        if not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            done = 0
        total = done + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if done else "wb") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                done += len(chunk)
                if done > 2 * source.n_bytes:
                    part.unlink()
                    raise ValueError(f"expected about {source.n_bytes} bytes, got more than twice as many")
                file.write(chunk)
                show(done, max(done, total) or None)
