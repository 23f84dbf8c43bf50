"""Private files: private for any umask, never planted, and a warning if they are shared."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdigit.files.private import open_private, require_ours, warn_of_shared_folder
from schemas.errors import SettingsError

ROOT = os.geteuid() == 0


@pytest.fixture(autouse=True, params=[0o022, 0o000, 0o377])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_open_private_creates_with_the_given_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.close(open_private(tmp_path / "a"))
    os.close(open_private(tmp_path / "b", 0o660))
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o600, 0o660)


def test_require_ours_narrows_an_earlier_releases_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"kept")
    path.chmod(0o644)
    descriptor = open_private(path)
    assert os.read(descriptor, 9) == b"kept"
    os.close(descriptor)
    assert mode(path) == 0o600


def test_require_ours_keeps_shared_modes_and_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"")
    for shared, warnings in ((0o660, 0), (0o666, 1), (0o666, 1)):  # one warning per process
        path.chmod(shared)
        require_ours(path)
        assert mode(path) == shared
        assert len(caplog.records) == warnings
    assert "every user may access it (mode 0666)" in caplog.text


def test_require_ours_rejects_links_pipes_and_folders(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "made")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "pipe", "."):
        with pytest.raises((SettingsError, OSError)) as caught:
            open_private(tmp_path / name)
        assert str(caught.value)
    assert victim.read_bytes() == b"theirs"
    assert not (tmp_path / "made").exists()


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_require_ours_rejects_a_planted_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"")
    os.chown(path, 12345, 12345)
    require_ours(path)
    assert "belongs to another user (12345)" in caplog.text
    tmp_path.chmod(0o1777)
    with pytest.raises(SettingsError, match="got one of user 12345; use a private folder"):
        require_ours(path)
    tmp_path.chmod(0o700)


def test_warn_of_shared_folder_warns_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for shared in (0o700, 0o755, 0o775):
        tmp_path.chmod(shared)
        warn_of_shared_folder(tmp_path)
    assert caplog.records == []
    for shared in (0o777, 0o777, 0o1777):
        tmp_path.chmod(shared)
        warn_of_shared_folder(tmp_path)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "(mode 1777)" in caplog.text
    tmp_path.chmod(0o700)
