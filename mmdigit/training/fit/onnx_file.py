"""Writes a module as an ONNX file."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

OPSET = 17


def write_onnx(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Write the module, in evaluation mode, and check the file.

    examples: one for each of the inputs; dynamic_axes: the axes of any size, by input or output, each with its name.
    """
    with warnings.catch_warnings():
        # The newer exporter needs another package and unrolls the recurrent layer; this one keeps it as one operator.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            examples,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
        )
    onnx.checker.check_model(str(path), full_check=True)
