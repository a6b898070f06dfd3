"""SFace: a MobileNet trained with the sigmoid-constrained hypersphere loss, as OpenCV Zoo publishes it (Apache-2.0).

Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition" (IEEE TIP 2021). The published
file normalises its pixels itself, so the network takes them as they are, 0 to 255.

A stem and 13 pairs of a convolution by channel (3 x 3) and one across channels (1 x 1), each followed by batch
normalisation and a PReLU; then batch normalisation, one fully connected layer of the whole map, and normalisation.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.core.errors import WeightsError
from facesearch.core.folded import folded

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["SIDE", "read_sface"]

SIDE = 112  # pixels
DIM = 128
STEM = 32
# (channels out, stride of the convolution by channel) of each pair.
PAIRS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
MEAN, SCALE = 127.5, 0.0078125
# Of batch normalisation: in the network, and around its last layer.
EPSILON, LAST_EPSILON = 1e-3, 2e-5


def read_sface(path: Path, sha256: str) -> "nn.Module":
    """The network in PyTorch, (n, 3, 112, 112) of 0 to 255 in RGB -> (n, 128).

    Args:
        path: OpenCV Zoo's file, quantised in blocks.
        sha256: of the file.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    weights = _tensors(folded(path, sha256))
    module = _network()
    try:
        for (_, tensor), name in zip(module.state_dict().items(), _names(), strict=True):
            tensor.copy_(weights[name].reshape(tensor.shape))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold SFace: {str(error).splitlines()[0]}") from error
    return module


def _tensors(network: bytes) -> "dict[str, torch.Tensor]":
    import numpy as np
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load_from_string(network).graph
    return {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in graph.initializer}


def _network() -> "nn.Module":
    from torch import nn

    class Pixels(nn.Module):
        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return (x - MEAN) * SCALE

    def unit(channels_in: int, channels: int, side: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
        conv = nn.Conv2d(channels_in, channels, side, stride, side // 2, groups=groups, bias=False)
        return [conv, _norm(channels, EPSILON), nn.PReLU(channels)]

    layers: list[nn.Module] = [Pixels(), *unit(3, STEM, 3)]
    channels_in = STEM
    for channels, stride in PAIRS:
        layers += unit(channels_in, channels_in, 3, stride, channels_in)
        layers += unit(channels_in, channels, 1)
        channels_in = channels
    side = SIDE // 16
    layers += [_norm(channels_in, LAST_EPSILON), nn.Flatten(), nn.Linear(channels_in * side * side, DIM)]
    return nn.Sequential(*layers, nn.Unflatten(1, (DIM, 1, 1)), _norm(DIM, LAST_EPSILON), nn.Flatten())


def _norm(channels: int, epsilon: float) -> "nn.Module":
    from torch import nn

    norm = nn.BatchNorm2d(channels, eps=epsilon)
    del norm.num_batches_tracked  # counts training steps, and no file has it
    return norm


def _names() -> list[str]:
    """The file's names of the tensors, in the order of the module's state."""
    units = ["conv_1"] + [f"conv_{pair}{kind}" for pair in range(2, len(PAIRS) + 2) for kind in ("_dw", "")]
    names = []
    for unit in units:
        names += [f"{unit}_conv2d_weight_reshaped", *_norm_names(f"{unit}_batchnorm"), f"{unit}_relu_gamma"]
    names += [*_norm_names("bn1"), "pre_fc1_weight_dequantized", "pre_fc1_bias_dequantized", *_norm_names("fc1")]
    return names


def _norm_names(norm: str) -> list[str]:
    return [f"{norm}_{part}" for part in ("gamma", "beta", "moving_mean", "moving_var")]
