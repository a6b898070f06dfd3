"""dlib's face recognition ResNet in PyTorch, and the reader of dlib's weights file.

The network is that of dlib's examples/dnn_face_recognition_ex.cpp: ResNet-34 with fewer layers and half the filters,
trained by Davis King with a pairwise hinge loss on about 3 million faces (public domain).
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from facesearch.errors import WeightsError
from facesearch.networks.dlib_file import ConvWeights, read_dlib_file

__all__ = ["DlibResNet", "ResidualBlock", "read_dlib_resnet"]

# (channels, does the first block halve the resolution, blocks), from the input to the output.
_LEVELS = ((32, False, 3), (64, True, 4), (128, True, 3), (256, True, 3), (256, True, 1))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; a halving block pools its shortcut and pads what is missing with zeros."""

    def __init__(self, channels_in: int, channels: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        # dlib pads a convolution only where its stride is 1.
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=2 if halve else 1, padding=0 if halve else 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(functional.relu(self.conv1(x)))
        if self.halve:
            x = functional.avg_pool2d(x, 2)
        return functional.relu(_add_padded(x, y))


class DlibResNet(nn.Module):
    """(n, 3, 150, 150) -> (n, dim); affine layers are folded into the convolutions.

    A new one is initialised after He et al. 2015 (https://arxiv.org/abs/1502.01852); sizes other than 150 also work.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        blocks: list[nn.Module] = []
        channels_in = 32
        for channels, halve, count in _LEVELS:
            blocks += [ResidualBlock(channels if i else channels_in, channels, halve and i == 0) for i in range(count)]
            channels_in = channels
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels_in, dim, bias=False)
        for conv in self.convolutions():
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]  # every convolution here has a bias

    def convolutions(self) -> list[nn.Conv2d]:
        """In the order of the forward pass, which is also that of dlib's file."""
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, stride=2)
        x = self.blocks(x)
        embedding: Tensor = self.fc(x.mean(dim=(2, 3)))
        return embedding


def read_dlib_resnet(path: Path) -> DlibResNet:
    """DlibResNet with the weights of dlib_face_recognition_resnet_model_v1.dat.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    file = read_dlib_file(path)
    network = DlibResNet(file.fc.shape[0])
    convolutions = network.convolutions()
    if len(file.convolutions) != len(convolutions):
        raise WeightsError(f"{path} holds {len(file.convolutions)} convolutions instead of {len(convolutions)}")
    for module, weights in zip(convolutions, file.convolutions, strict=True):
        _fill(module, weights, path)
    network.fc.weight.data.copy_(torch.from_numpy(file.fc))
    return network


def _fill(conv: nn.Conv2d, weights: ConvWeights, path: Path) -> None:
    expected = (tuple(conv.weight.shape), conv.stride[0], conv.padding[0])
    found = (weights.filters.shape, weights.stride, weights.padding)
    if found != expected:
        raise WeightsError(f"{path} is not dlib's face network: a convolution is {found} instead of {expected}")
    conv.weight.data.copy_(torch.from_numpy(weights.filters))
    assert conv.bias is not None
    conv.bias.data.copy_(torch.from_numpy(weights.biases))


def _add_padded(x: Tensor, y: Tensor) -> Tensor:
    """x + y, each padded with zeros after its last channel, row and column to the larger of the two."""
    return _pad_to(x, y) + _pad_to(y, x)


def _pad_to(x: Tensor, other: Tensor) -> Tensor:
    missing = [max(other.shape[axis] - x.shape[axis], 0) for axis in (3, 2, 1)]
    return functional.pad(x, [0, missing[0], 0, missing[1], 0, missing[2]]) if any(missing) else x
