"""dlib's face recognition ResNet in PyTorch.

The network is that of dlib's examples/dnn_face_recognition_ex.cpp: ResNet-34 with fewer layers and half the filters,
trained by Davis King with a pairwise hinge loss on about 3 million faces (public domain).
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from facesearch.embedding.dlib_file import LEVELS, ConvWeights, DlibWeights, read_dlib_weights

__all__ = ["DlibResNet", "read_dlib_resnet"]


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
        for channels, halve, count in LEVELS:
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

    def weights(self) -> DlibWeights:
        """Copies, as other engines than PyTorch take them."""
        convolutions = [
            ConvWeights(_copied(conv.weight), _copied(conv.bias), conv.stride[0], int(conv.padding[0]))
            for conv in self.convolutions()
        ]
        return DlibWeights(convolutions, _copied(self.fc.weight))

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
    weights = read_dlib_weights(path)
    network = DlibResNet(weights.fc.shape[0])
    for module, conv in zip(network.convolutions(), weights.convolutions, strict=True):
        module.weight.data.copy_(torch.from_numpy(conv.filters))
        assert module.bias is not None
        module.bias.data.copy_(torch.from_numpy(conv.biases))
    network.fc.weight.data.copy_(torch.from_numpy(weights.fc))
    return network


def _copied(tensor: Tensor | None) -> NDArray[np.float32]:
    assert tensor is not None  # every convolution here has a bias
    return np.array(tensor.detach().cpu().numpy())


def _add_padded(x: Tensor, y: Tensor) -> Tensor:
    """x + y, each padded with zeros after its last channel, row and column to the larger of the two."""
    return _pad_to(x, y) + _pad_to(y, x)


def _pad_to(x: Tensor, other: Tensor) -> Tensor:
    missing = [max(other.shape[axis] - x.shape[axis], 0) for axis in (3, 2, 1)]
    return functional.pad(x, [0, missing[0], 0, missing[1], 0, missing[2]]) if any(missing) else x
