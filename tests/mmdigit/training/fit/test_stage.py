"""The hardware of a stage; its training: test_train.py."""

import pytest

pytest.importorskip("torch")

from mmdigit.training.fit.stage import Hardware
from schemas.errors import SettingsError


def test_hardware_refuses_an_unknown_device() -> None:
    with pytest.raises(SettingsError, match="got 'toaster'; try cpu"):
        Hardware(device="toaster")
