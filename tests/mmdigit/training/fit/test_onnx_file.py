"""A written module answers as it does in torch, at other sizes of its dynamic axes too."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.reading.predictor import open_session  # noqa: E402
from mmdigit.training.fit.onnx_file import write_onnx  # noqa: E402


def test_written_module_answers_as_in_torch(tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5))
    write_onnx(module, (torch.zeros(1, 3),), tmp_path / "a.onnx", ["x"], ["y"], {"x": {0: "rows"}, "y": {0: "rows"}})
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    [found] = open_session((tmp_path / "a.onnx").read_bytes(), 1).run(None, {"x": values})
    with torch.no_grad():
        np.testing.assert_allclose(found, module(torch.from_numpy(values)).numpy(), atol=1e-6)
    assert not module.training
