"""Files that a user names: plain ones alone, at once, up to a bound."""

import os
import socket
from pathlib import Path

import pytest

from mmdigit.files.plain import open_plain, read_plain, read_start


def test_a_plain_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file, link = tmp_path / "f", tmp_path / "link"
    file.write_bytes(bytes(range(100)))
    link.symlink_to(file)
    assert read_plain(link, 100) == bytes(range(100))
    assert read_start(file, 10) == bytes(range(11))
    with open_plain(file, 100) as opened:
        assert not os.get_inheritable(opened.fileno())
    for read in (read_plain, open_plain):
        with pytest.raises(OSError, match="larger than 99 bytes"):
            read(file, 99)


def test_what_is_no_plain_file_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        (tmp_path / "loop").symlink_to("loop")
        for name, word in {
            "pipe": "it is a named pipe, not a plain file",
            ".": "it is a folder, not a plain file",
            "/dev/zero": "it is a device, not a plain file",
            "socket": ".",
            "loop": ".",
            "none": "No such file",
            "a\0b": "NUL character",
            "x" * 5000: ".",
        }.items():
            with pytest.raises(OSError, match=word) as caught:
                read_start(tmp_path / name, 10)
            assert caught.value.strerror


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="needs the kernel's log, which only root reads")
def test_a_kernel_s_file_that_would_wait_is_read_as_far_as_it_goes() -> None:
    while len(read_start(Path("/proc/kmsg"), 65536)) > 65536:
        pass
    assert len(read_start(Path("/proc/kmsg"), 100)) <= 101
