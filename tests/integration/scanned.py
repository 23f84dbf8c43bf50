"""The pages of scanned files, decoded by one undisturbed process."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, ScannedPage, SinglePage
from mmdigit.forms.sheets.keeping import PageOrigin


def scanned_pages(folder: Path) -> Iterator[tuple[PageOrigin, ScannedPage | PageFault]]:
    """Every page of every file in its order, with its number; a fault stands for what is no page."""
    with PageDecoder() as splitter, PageDecoder() as decoder:
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            origin = PageOrigin(path.name, hashlib.sha256(content).hexdigest(), datetime.now(UTC))
            for single in splitter.split(content):
                if not isinstance(single, SinglePage):
                    yield origin, single
                    continue
                [scanned] = decoder.decode(single.content)
                assert isinstance(scanned, ScannedPage)
                yield origin, replace(scanned, number=single.number)
