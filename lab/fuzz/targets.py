"""The fuzz targets: each parser and the errors that it documents. Any other error is a crash."""

import asyncio
import gzip
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from lab.fuzz import containers
from mmdigit.datasets.idx import Content, read_idx
from mmdigit.datasets.manifest import Manifest
from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.pages.decoding import PAGE_SIDE, decode_pages
from mmdigit.forms.pages.page import PageFault, SinglePage
from mmdigit.forms.pages.splitting import split_pages
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.template.parsing import parse_template
from mmdigit.forms.template.template import MAX_CELLS, Template
from mmdigit.gateway.intake.json_lines import LineSplitter
from mmdigit.gateway.intake.single import submission_of_form, submission_of_json
from mmdigit.gateway.intake.zipped import zip_jobs
from mmdigit.gateway.problems import Problem
from mmdigit.numbers.line_ink import LINE_HEIGHT, find_line
from mmdigit.numbers.pieces import MAX_CUTS_IN_ALL, MAX_PIECES, cut_pieces
from mmdigit.numbers.spans import find_spans, lay_out_spans
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.numbers.written import decode_line_photo
from mmdigit.reading.audio.normalize import N_SAMPLES, decode_audio, read_recording, speech_window
from mmdigit.reading.image.normalize import decode_image, normalize
from mmdigit.reading.metadata import read_metadata
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.access import RedisAccess
from mmdigit.settings.redaction import redact
from mmdigit.transport.encoding import decode_note, decode_prediction, encode_prediction
from mmdigit.transport.kafka.batches import BatchTooLargeError, gzip_decode, lz4_decode, zstd_decode
from mmdigit.transport.urls import _parse_redis_url, _split, dead_letter_url
from schemas.errors import (
    DataError,
    InvalidAudio,
    InvalidImage,
    InvalidRecord,
    MmdigitError,
    SettingsError,
    StoreError,
    WeightsError,
)
from schemas.page import MAX_CONTENT_BYTES
from schemas.trace import TRACEPARENT_HEADER, trace_headers, trace_of, traceparent_of
from schemas.wire import decode_dead_letter, decode_job, decode_page, encode
from worker.settings import WorkerSettings

HERE = Path(__file__).parent
MAX_MESSAGE_CHARACTERS = 1000
SPOKEN_FORM = b"""\
version: 1
form: SPKN
pages:
  - fields:
      - name: number
        spoken: required
        boxes: {at_mm: [25, 60], size_mm: [7, 9], pitch_mm: 8, count: 3}
"""


class Violation(Exception):  # noqa: N818  a bug, not one of the project's errors
    """A property that must hold for every input does not."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. max_bytes: size limit of fuzzed inputs; tests/lab/fuzz/test_limits.py has larger ones."""

    parse: Callable[[bytes], None]
    documented: tuple[type[MmdigitError] | type[BatchTooLargeError], ...]
    max_bytes: int = 4096

    def run(self, content: bytes) -> None:
        """Raises Violation, or any undocumented error of the parser."""
        try:
            self.parse(content)
        except self.documented as error:
            message = str(error)
            if len(message) > MAX_MESSAGE_CHARACTERS:
                raise Violation(f"a message of {len(message)} characters") from error
            # Other messages are escaped where they are displayed; parsers of files name the user's own paths.
            if isinstance(error, InvalidRecord | InvalidImage | InvalidAudio) and not message.isprintable():
                raise Violation("a message that is not printable") from error


def _job(content: bytes) -> None:
    job = decode_job(content)
    for wire in ("json", "msgpack"):
        if decode_job(encode(job, wire)) != job:
            raise Violation("a job changes when it is encoded and decoded")


def _page(content: bytes) -> None:
    page = decode_page(content)
    for wire in ("json", "msgpack"):
        if decode_page(encode(page, wire)) != page:
            raise Violation("a page changes when it is encoded and decoded")


def _dead_letter(content: bytes) -> None:
    letter = decode_dead_letter(content)
    if decode_dead_letter(encode(letter, "msgpack")) != letter:
        raise Violation("a dead letter changes when it is encoded and decoded")


def _image(content: bytes) -> None:
    _check_pixels(decode_image(content))


def _pixels(content: bytes) -> None:
    """The search for ink, on any pixels."""
    grey = _any_pixels(content, 57)
    if grey is not None:
        _check_pixels(normalize(grey))


def _line(content: bytes) -> None:
    """The search for a line of digits, and its cuts and spans, on any pixels; and a photo from any bytes."""
    with suppress(InvalidImage):
        decode_line_photo(content)
    grey = _any_pixels(content, 193)
    line = None if grey is None else find_line(grey)
    if line is None:
        return
    if line.ink.shape != line.inked.shape or not bool(np.isfinite(line.ink).all()) or not 0 <= line.ink.max() <= 1:
        raise Violation("ink with a wrong shape or range")
    pieces = cut_pieces(line.ink, line.inked, LINE_HEIGHT)
    spans = find_spans(pieces, LINE_HEIGHT)
    if len(pieces.area) > MAX_PIECES + MAX_CUTS_IN_ALL or not bool(np.isfinite(spans.shapes).all()):
        raise Violation("more pieces than the limit, or a shape that is not finite")
    for image in lay_out_spans(line.ink, pieces, spans):
        _check_pixels(image)


def _any_pixels(content: bytes, widths: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None":
    """The bytes as an image of 8 to 7 + widths columns; None for too few."""
    if len(content) < 66:
        return None
    width = 8 + content[0] % widths
    rows = (len(content) - 1) // width
    if rows < 8:
        return None
    grey = np.frombuffer(content, np.uint8, rows * width, 1).reshape(rows, width)
    return np.asarray(grey / np.float32(255), np.float32)


def _check_pixels(digit: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    if digit.shape != (28, 28) or not bool(np.isfinite(digit).all()) or digit.min() < 0 or digit.max() > 1:
        raise Violation("pixels with a wrong shape or range")


def _audio(content: bytes) -> None:
    _check_waveform(decode_audio(content))


def _recording(content: bytes) -> None:
    """A spoken number: read to the end, inside the recording, never accepted; in a field, clips or a reason."""
    _spoken_field(content)
    heard = _spoken_reader().read(content, 4)
    times_s = [time_s for digit in heard.digits for time_s in (digit.start_s, digit.end_s)]
    if times_s != sorted(times_s) or not all(0 <= time_s <= heard.duration_s for time_s in times_s):
        raise Violation(f"digits at {times_s}")
    chances = [heard.confidence, *(digit.confidence for digit in heard.digits)]
    if not all(0 <= chance <= 1 for chance in chances):
        raise Violation(f"chances of {chances}")
    if heard.decision != "review" or not heard.reasons or len(heard.reasons) != len(heard.messages):
        raise Violation("a number without a reason to review it")


def _spoken_field(content: bytes) -> None:
    hearer, cells = _field_hearer()
    heard = hearer.hear({"number": content}, [cells])
    if bool(heard.clips) == bool(heard.reasons) or set(heard.fields) != {"number"}:
        raise Violation(f"{len(heard.clips)} clips and reasons {heard.reasons}")
    try:
        for sound in (*heard.sounds.values(), *heard.clips.values()):
            read_recording(sound)
        for clip in heard.clips.values():
            _check_waveform(decode_audio(clip))
    except InvalidAudio as error:
        raise Violation(f"a clip that no job can carry: {error}") from error


@cache
def _field_hearer() -> tuple[FieldHearer, list[Cell]]:
    """And three written boxes."""
    [slot] = slots_of(parse_template(SPOKEN_FORM), 0)
    images = [np.zeros((28, 28), np.uint8) for _ in slot.boxes]
    return FieldHearer(Predictor.load()), [Cell(slot, box, "digit", image, 3.0) for box, image in enumerate(images)]


@cache
def _spoken_reader() -> SpokenReader:
    return SpokenReader(Predictor.load())


def _samples(content: bytes) -> None:
    """The search for speech, on any finite waveform."""
    samples = np.frombuffer(content, "<f4", len(content) // 4)
    if samples.size and bool(np.isfinite(samples).all()):
        _check_waveform(speech_window(samples.clip(-1, 1)))


def _check_waveform(clip: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    if clip.shape != (N_SAMPLES,) or not bool(np.isfinite(clip).all()) or float(np.abs(clip).max()) > 1:
        raise Violation("a waveform with a wrong shape or range")


def _batch(content: bytes) -> None:
    for unpack in (gzip_decode, lz4_decode, zstd_decode):
        with suppress(BatchTooLargeError):
            unpack(content)


def _stored(content: bytes) -> None:
    with suppress(StoreError):
        decode_note(content)
    once = decode_prediction(encode_prediction(decode_prediction(content)))
    if decode_prediction(encode_prediction(once)) != once:
        raise Violation("a prediction changes when it is written and read")


def _traceparent(content: bytes) -> None:
    trace = trace_of({TRACEPARENT_HEADER: content})
    if trace is None:
        return
    written = traceparent_of(trace)
    read = trace_of(trace_headers(written))
    if read is None or traceparent_of(read) != written or written[3:52].encode() != content[3:52]:
        raise Violation("a trace changes when it is written and read")


def _urls(content: bytes) -> None:
    url = content.decode("utf-8", "replace")
    with_password = f"redis://user:s3cret@{url}"
    if "s3cret" in redact(with_password):
        raise Violation("a visible password")
    for parse in (dead_letter_url, lambda text: _parse_redis_url(_split(text, ""), text, RedisAccess())):
        for text in (url, with_password, f"kafka://{url}", f"sqlite:///{url}"):
            try:
                parse(text)
            except SettingsError as error:
                if "s3cret" in str(error):
                    raise Violation("a visible password") from error


def _settings(content: bytes) -> None:
    words = [word.decode("utf-8", "replace") for word in content.split(b"\0")]
    with redirect_stderr(io.StringIO()), suppress(SystemExit):  # argparse exits so, with code 2
        if not {"-h", "--help"} & set(words):
            WorkerSettings.load(["--from", "sqlite:///a", "--store", "sqlite:///a", *words])


def _idx_file(content: bytes) -> None:
    with _file(gzip.compress(content, 1) if content[:1] == b"\0" else content) as path:
        read_idx(path, Content((2, 4, 4)))


def _manifest(content: bytes) -> None:
    """Reading gives the rows that checking has counted, each bounded and printable."""
    with _file(content) as path:
        manifest = Manifest.open(path)
        samples = list(manifest)
    if len(samples) != len(manifest):
        raise Violation("the number of rows differs between checking and reading")
    if any(len(sample.fault or "") > MAX_MESSAGE_CHARACTERS for sample in samples):
        raise Violation("an unbounded fault")
    if not all((sample.fault or "").isprintable() for sample in samples):
        raise Violation("a fault that is not printable")
    ids = [sample.id for sample in samples if sample.fault is None]
    if len(set(ids)) != len(ids):
        raise Violation("a repeated id")


def _metadata(content: bytes) -> None:
    with _file(content) as path:
        read_metadata(path)


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:  # noqa: S108
        file.write(content)
        file.flush()
        yield Path(file.name)


def _template(content: bytes) -> None:
    template = parse_template(content)
    for page, printed in enumerate(template.pages):
        if sum(len(slot.boxes) for slot in slots_of(template, page)) > MAX_CELLS or len(printed.texts) > 100:
            raise Violation("a page beyond its limits")
    if Template.model_validate_json(template.model_dump_json()) != template:
        raise Violation("a template that does not go round")


def _scan(content: bytes) -> None:
    for page in islice(decode_pages(content), 4):
        if isinstance(page, PageFault):
            if not page.message.isprintable() or len(page.message) > MAX_MESSAGE_CHARACTERS:
                raise Violation("a message that is too long or not printable")
        elif page.pixels.dtype != np.uint8 or max(page.pixels.shape) > PAGE_SIDE + 1:
            raise Violation(f"pixels of shape {page.pixels.shape}")
    for single in islice(split_pages(content), 4):
        if isinstance(single, SinglePage) and not 0 < len(single.content) <= MAX_CONTENT_BYTES:
            raise Violation(f"a page of {len(single.content)} bytes")
        if isinstance(single, SinglePage) and not single.scanner.isprintable():
            raise Violation("a scanner that is not printable")


def _json_lines(content: bytes) -> None:
    """Any cut of a body gives the lines of the whole one; each is a job or a problem of bounded length."""
    cut, body = content[0] if content else 0, content[1:]
    splitter, whole = LineSplitter(64), LineSplitter(64)
    lines = [line for part in (body[:cut], body[cut:]) for line in splitter.feed(part)] + list(splitter.end())
    if lines != [*whole.feed(body), *whole.end()]:
        raise Violation("lines that depend on how the body is cut")
    for line in lines:
        with _problems():
            submission_of_json(line.content or b"")


def _submission(content: bytes) -> None:
    """JSON with base64: a submission that is taken is taken again as it was."""
    with _problems():
        said = submission_of_json(content)
        if submission_of_json(said.model_dump_json(exclude_none=True).encode()) != said:
            raise Violation("a submission that does not go round")


def _multipart(content: bytes) -> None:
    """A form whose boundary and body are fuzzed: the first line is the parameters of its Content-Type."""
    parameters, _, body = content.partition(b"\n")
    with _problems():
        said = asyncio.run(submission_of_form(f"multipart/form-data; {parameters.decode('latin-1')}", body))
        if said.image is None and said.audio is None:
            raise Violation("a submission of nothing")


def _zip(content: bytes) -> None:
    """An archive as it is, and one whose manifest is fuzzed."""
    with _problems():
        _check_rows(content)
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as file:
        file.writestr("manifest.csv", content)
        file.writestr("4.png", b"4")
    with _problems():
        _check_rows(archive.getvalue())


def _check_rows(content: bytes) -> None:
    for row in zip_jobs(io.BytesIO(content), 1 << 20):
        if isinstance(row.job, str) and (len(row.job) > MAX_MESSAGE_CHARACTERS or not row.job.isprintable()):
            raise Violation("a fault that is too long or not printable")


@contextmanager
def _problems() -> Iterator[None]:
    """Problems are documented: what a caller gets, with a 4xx status."""
    try:
        yield
    except Problem as error:
        if not 400 <= error.status < 500 or len(error.detail) > MAX_MESSAGE_CHARACTERS:
            raise Violation(f"a problem {error.status} of {len(error.detail)} characters") from error


TARGETS: dict[str, Target] = {
    "job": Target(_job, (InvalidRecord,)),
    "page": Target(_page, (InvalidRecord,)),
    "dead_letter": Target(_dead_letter, (InvalidRecord,)),
    "image": Target(_image, (InvalidImage,)),
    "png": Target(lambda content: _image(containers.png(content)), (InvalidImage,)),
    "tiff": Target(lambda content: _image(containers.tiff(content)), (InvalidImage,)),
    "webp": Target(lambda content: _image(containers.webp(content)), (InvalidImage,)),
    "pixels": Target(_pixels, ()),
    "line": Target(_line, (), 16 * 1024),
    "audio": Target(_audio, (InvalidAudio,)),
    "recording": Target(_recording, (InvalidAudio,), 16 * 1024),
    "ogg": Target(lambda content: _audio(containers.ogg(content)), (InvalidAudio,), 8192),
    "samples": Target(_samples, (), 64 * 1024),
    "batch": Target(_batch, ()),
    "stored": Target(_stored, (StoreError,)),
    "traceparent": Target(_traceparent, (), 128),
    "urls": Target(_urls, (), 1024),
    "settings": Target(_settings, (SettingsError,), 1024),
    "idx": Target(_idx_file, (DataError,)),
    "manifest": Target(_manifest, (DataError,)),
    "metadata": Target(_metadata, (WeightsError,), 16 * 1024),
    "template": Target(_template, (DataError,)),
    "scan": Target(_scan, (), 8192),
    "json_lines": Target(_json_lines, ()),
    "submission": Target(_submission, ()),
    "multipart": Target(_multipart, ()),
    "zip": Target(_zip, ()),
}


def saved_inputs(kind: str, name: str) -> list[Path]:
    """The saved inputs of a target. kind: "corpus" (small, one per path found) or "crashers" (fixed)."""
    return sorted((HERE / kind / name).glob("*"))
