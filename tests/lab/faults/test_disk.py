"""A small disk is full when it is filled, and has room again."""

import pytest

from lab.faults.disk import SMALL_DISK_BYTES, cannot_mount, fill, small_disk


@pytest.mark.skipif(bool(cannot_mount()), reason=cannot_mount())
def test_a_small_disk_is_filled_to_the_last_page() -> None:
    with small_disk() as folder:
        hog = fill(folder)
        assert SMALL_DISK_BYTES * 0.99 < hog.stat().st_size <= SMALL_DISK_BYTES
        with pytest.raises(OSError, match="No space left"), (folder / "more").open("wb", buffering=0) as file:
            file.write(bytes(4096))
        hog.unlink()
        (folder / "again").write_bytes(bytes(4096))
        assert (folder / "again").stat().st_size == 4096
