"""User files: only regular files, without blocking, up to a limit."""

import os
import socket
from pathlib import Path

import pytest

from mmdigit.files.regular import open_regular, read_regular, read_start


def test_read_regular_is_bounded(tmp_path: Path) -> None:
    file, link = tmp_path / "f", tmp_path / "link"
    file.write_bytes(bytes(range(100)))
    link.symlink_to(file)
    assert read_regular(link, 100) == bytes(range(100))
    assert read_start(file, 10) == bytes(range(11))
    with open_regular(file, 100) as opened:
        assert not os.get_inheritable(opened.fileno())
    for read in (read_regular, open_regular):
        with pytest.raises(OSError, match="larger than 99 bytes"):
            read(file, 99)


def test_open_regular_rejects_other_files_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        (tmp_path / "loop").symlink_to("loop")
        for name, word in {
            "pipe": "it is a named pipe, not a regular file",
            ".": "it is a folder, not a regular file",
            "/dev/zero": "it is a device, not a regular file",
            "socket": ".",
            "loop": ".",
            "none": "No such file",
            "a\0b": "NUL character",
            "x" * 5000: ".",
        }.items():
            with pytest.raises(OSError, match=word) as caught:
                read_start(tmp_path / name, 10)
            assert caught.value.strerror


def can_open(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_open("/proc/kmsg"), reason="needs the kernel's log, which only a privileged root reads")
def test_read_start_never_blocks_on_kernel_files() -> None:
    while len(read_start(Path("/proc/kmsg"), 65536)) > 65536:
        pass
    assert len(read_start(Path("/proc/kmsg"), 100)) <= 101
