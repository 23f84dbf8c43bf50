"""python -m mmdigit.forms.page_process FIRST: decodes the file on standard input, within a bound of memory.

Writes one message a page to standard output: a line of JSON, then the pixels that it announces. The process may be
killed at any time; whoever started it goes on with the next page.
"""

import json
import os
import resource
import sys

from mmdigit.forms.page import PageFault

MAX_MEMORY_BYTES = 1 << 30


def main() -> int:
    first = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    from mmdigit.forms.page_decoding import decode_pages  # after the bound is set

    content = sys.stdin.buffer.read()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    for page in decode_pages(content, first):
        if isinstance(page, PageFault):
            header: dict[str, object] = {"number": page.number, "reason": page.reason, "message": page.message}
            pixels = b""
        else:
            height, width = page.pixels.shape
            header = {"number": page.number, "width": width, "height": height, "dpi": page.dpi}
            pixels = page.pixels.tobytes()
        out.write(json.dumps(header).encode() + b"\n" + pixels)
        out.flush()
    out.write(b"{}\n")
    out.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
