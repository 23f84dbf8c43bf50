"""The recordings of a page: in its record, or in a folder by the form and field that they belong to."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.limits import RECORDING
from mmdigit.reading.audio.normalize import read_recording
from mmdigit.reading.audio.wav_writing import wav_of
from schemas.errors import DataError, InvalidAudio
from schemas.page import WHOLE_PAGE
from schemas.printable import printable

SUFFIXES = (".wav", ".flac", ".ogg", ".opus")


class PageRecordings(Protocol):
    """The recordings of one page, by the field's name; WHOLE_PAGE: of all spoken fields that have none of their own, in
    a row. A dict of bytes is one."""

    def get(self, name: str, /) -> bytes | None:
        """A recording; None if there is none. Raises DataError if it cannot be read."""
        ...


class Recordings:
    """`SERIAL.FIELD.wav` holds one field, `SERIAL.wav`, or `SERIAL-PAGE.wav`, all spoken fields of a page in a row."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError if it is no folder that can be read."""
        try:
            found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError as exc:
            raise DataError(
                f"expected a folder of recordings at {printable(str(folder), 200)}, cannot read it ({exc.strerror}); "
                "check --recordings"
            ) from exc
        self._paths: dict[str, dict[str, Path]] = defaultdict(dict)  # by what stands before the dot, and by field
        for path in found:
            page, dot, name = path.stem.partition(".")
            if dot and name in ("", WHOLE_PAGE):
                raise DataError(f"expected SERIAL.FIELD in {printable(path.name, 100)}, got no field; rename it")
            if (other := self._paths[page].setdefault(name, path)) is not path:
                raise DataError(
                    f"expected one recording named {printable(path.stem, 100)}, got {printable(other.name, 100)} and "
                    f"{printable(path.name, 100)}; remove one"
                )

    def of_page(self, serial: int, page: int) -> "FolderPage":
        """Those of one page of a form, counted from 1."""
        fields = dict(self._paths.get(f"{serial}", {}))
        first = fields.pop("", None)
        whole = self._paths.get(f"{serial}-{page}", {}).get("", first if page == 1 else None)
        return FolderPage(fields if whole is None else {**fields, WHOLE_PAGE: whole})


class FolderPage:
    """The recordings of a page, as they are sent: 8 kHz, mono, 16 bits, so that what is sent is heard as what is read
    here."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths

    def get(self, name: str, /) -> bytes | None:
        """As a WAV file; empty if it holds no sound that can be decoded."""
        path = self._paths.get(name)
        if path is None:
            return None
        try:
            content = read_regular(path, RECORDING.max_bytes)
        except OSError as exc:
            raise DataError(
                f"expected a recording at {printable(str(path), 200)}, cannot read it ({exc.strerror}); restore it"
            ) from exc
        try:
            return wav_of(read_recording(content))
        except InvalidAudio:
            return b""

    def all_of(self, fields: Iterable[str]) -> dict[str, bytes]:
        """The recordings of these fields and of the whole page. Raises DataError if one cannot be read."""
        found = {name: self.get(name) for name in (*fields, WHOLE_PAGE)}
        return {name: content for name, content in found.items() if content is not None}
