"""python -m mmdigit.forms.pages.process: decodes or splits one file after the other, within a bound of memory.

A request on standard input is a line of JSON, {"first": page to begin with, "size": of the file, "split": whether pages
are wanted as files}, then the file. Each page becomes one message on standard output: a line of JSON, then the pixels
or bytes that it announces; {} ends a file. The process may be killed at any time; whoever started it goes on with the
next page in another one. It ends with whoever started it.
"""

import json
import os
import resource
import select
import sys
import threading

from mmdigit.forms.pages.page import PageFault, SinglePage

MAX_MEMORY_BYTES = 1 << 30


def main() -> int:
    threading.Thread(target=_end_with_requester, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    from mmdigit.forms.pages.decoding import decode_pages  # after the bound is set
    from mmdigit.forms.pages.splitting import split_pages

    requests, messages = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    while line := requests.readline():
        request = json.loads(line)
        read = split_pages if request["split"] else decode_pages
        for page in read(requests.read(request["size"]), request["first"]):
            if isinstance(page, PageFault):
                header: dict[str, object] = {"number": page.number, "reason": page.reason, "message": page.message}
                body = b""
            elif isinstance(page, SinglePage):
                header = {"number": page.number, "bytes": len(page.content), "scanner": page.scanner}
                body = page.content
            else:
                height, width = page.pixels.shape
                header = {
                    "number": page.number,
                    "width": width,
                    "height": height,
                    "dpi": page.dpi,
                    "scanner": page.scanner,
                }
                body = page.pixels.tobytes()
            messages.write(json.dumps(header).encode() + b"\n" + body)
            messages.flush()
        messages.write(b"{}\n")
        messages.flush()
    return 0


def _end_with_requester() -> None:
    """End the process when nobody can send requests any more: whoever started it may be killed while a page hangs."""
    hung_up = select.poll()
    hung_up.register(0, 0)  # only that the other end is closed
    hung_up.poll()
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main())
