"""Writes the sync client from the async one, file by file: `python -m lab.client`. A test holds it current."""

import re
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "mmdigit" / "client"
DOCSTRINGS = {
    "client": '"""Client: the operations of the HTTP API. Made by lab/client.py from async_client.py: change that."""',
    "reviewing": '"""Reviewing: operations of people who review. Made by lab/client.py from async_reviewing.py."""',
}
"""Of each file, by what follows `async_` and `sync_` in its name."""
IMPORTS = {
    "import asyncio\nimport time": "import time",
    "import aclosing, asynccontextmanager": "import closing, contextmanager",
}
WORDS = {
    "@asynccontextmanager": "@contextmanager",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncReviewing": "Reviewing",
    "async_reviewing": "sync_reviewing",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_bytes": "iter_bytes",
    "async ": "",
    "asyncio.sleep": "time.sleep",
    "await ": "",
}


def sync_source(source: str, docstring: str) -> str:
    """The source of a sync file. Raises ValueError if something asynchronous is left."""
    _, _, code = source.partition('"""\n')
    for before, after in (IMPORTS | WORDS).items():
        code = re.sub(rf"(?<!\w){re.escape(before)}", after, code)
    code = re.sub(r"(Iterator), (Iterable)$", r"\2, \1", code, flags=re.MULTILINE)  # in order again
    if left := re.findall(r"\b\w*(?:async|await|Async)\w*", code):
        raise ValueError(f"expected no asynchronous names, got {sorted(set(left))}; add them to WORDS")
    return f"{docstring}\n{code}"


def main() -> None:
    for name, docstring in DOCSTRINGS.items():
        source = (CLIENT / f"async_{name}.py").read_text()
        (CLIENT / f"sync_{name}.py").write_text(sync_source(source, docstring))


if __name__ == "__main__":
    main()
