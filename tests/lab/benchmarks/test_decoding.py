"""Every kind of file is one that the decoder takes."""

from lab.benchmarks.decoding import kinds, next_of
from lab.kit.records import read_samples


def test_every_file_of_every_kind_decodes() -> None:
    found = kinds(read_samples(None, 8))
    assert len(found) == 10
    for decode, files in found.values():
        assert files
        for file in files:
            decode(file)


def test_the_files_take_turns() -> None:
    seen: list[bytes] = []
    call = next_of(seen.append, [b"a", b"b"])
    for _ in range(3):
        call()
    assert seen == [b"a", b"b", b"a"]
