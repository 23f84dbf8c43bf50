"""What becomes of a job."""

from datetime import UTC, datetime

from schemas.errors import DecoderFailed
from schemas.wire import decode_dead_letter, encode
from transport.ports import Record
from worker.batcher import Decoded
from worker.outcomes import dead_letter


def test_an_error_that_quotes_the_record_is_escaped_and_cut_and_can_be_written() -> None:
    record = Record(topic="jobs", partition=0, offset=5, key=None, value=b"\xff", timestamp_s=0.0)
    error = DecoderFailed("\x1b[2J\n\ud800" + "x" * 2000)
    letter = dead_letter(Decoded(record, 0.0, None, None, error), error, datetime(2026, 1, 2, tzinfo=UTC))
    assert letter.error.startswith(r"\x1b[2J\n\ud800xx")
    assert letter.error.isprintable()
    assert len(letter.error) <= 1000
    assert decode_dead_letter(encode(letter, "msgpack")) == decode_dead_letter(encode(letter, "json")) == letter
