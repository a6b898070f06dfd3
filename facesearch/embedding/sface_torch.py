"""SFace in PyTorch, for devices and for training."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facesearch.embedding.sface import (
    CHANNELS,
    MEAN,
    PAIRS,
    SCALE,
    SIDE,
    SFaceLayer,
    SFaceWeights,
    padding_of,
    stride_of,
)

__all__ = ["SFace", "sface_of"]


class SFace(nn.Module):
    """(n, 3, 112, 112) of 0 to 255 in RGB -> (n, dim); every normalisation is folded into the weights beside it.

    Its layers are called as in OpenCV Zoo's file: "units.conv_1", "units.conv_2_dw", "units.conv_2", … and "fc". A new
    one is initialised after He et al. 2015 (https://arxiv.org/abs/1502.01852).
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.units = nn.Sequential()
        inputs = 3
        for name, out in _layout():
            self.units.add_module(name, _Unit(name, inputs, out))
            inputs = out
        halvings = sum(stride_of(name) == 2 for name, _ in _layout())
        self.fc = nn.Linear(inputs * (SIDE // 2**halvings) ** 2, dim)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.fc(self.units((x - MEAN) * SCALE).flatten(1))
        return embedding

    def weights(self) -> SFaceWeights:
        """Copies, as other engines than PyTorch take them."""
        return SFaceWeights(
            [unit.layer(name) for name, unit in self.units.named_children() if isinstance(unit, _Unit)],
            _copied(self.fc.weight),
            _copied(self.fc.bias),
        )


class _Unit(nn.Module):
    """A convolution and its PReLU."""

    def __init__(self, name: str, inputs: int, out: int) -> None:
        super().__init__()
        by_channel = name.endswith("_dw")
        side = 3 if by_channel or inputs == 3 else 1
        groups = inputs if by_channel else 1
        self.conv = nn.Conv2d(inputs, out, side, stride_of(name), padding_of(side), groups=groups)
        self.prelu = nn.PReLU(out)
        nn.init.kaiming_normal_(self.conv.weight, a=0.25)  # 0.25: a new PReLU's slope
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]  # every convolution here has a bias

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.prelu(self.conv(x))
        return y

    def layer(self, name: str) -> SFaceLayer:
        return SFaceLayer(name, *(_copied(p) for p in (self.conv.weight, self.conv.bias, self.prelu.weight)))


def _layout() -> list[tuple[str, int]]:
    """Names and channels of the units, in the order of the forward pass."""
    units = [("conv_1", CHANNELS[0])]
    for pair in range(PAIRS):
        units += [(f"conv_{pair + 2}_dw", CHANNELS[pair]), (f"conv_{pair + 2}", CHANNELS[pair + 1])]
    return units


def sface_of(weights: SFaceWeights) -> SFace:
    """SFace with these weights."""
    network = SFace(len(weights.fc))
    for layer in weights.layers:
        unit = network.units.get_submodule(layer.name)
        _fill(unit, layer.filters, layer.biases, layer.slopes)
    _fill(network.fc, weights.fc, weights.fc_biases)
    return network


def _fill(module: nn.Module, *values: NDArray[np.float32]) -> None:
    """The module's parameters, in its order, become these."""
    for parameter, value in zip(module.parameters(), values, strict=True):
        parameter.data.copy_(torch.as_tensor(value))


def _copied(tensor: Tensor | None) -> NDArray[np.float32]:
    assert tensor is not None  # every convolution here has a bias
    return np.array(tensor.detach().cpu().numpy())
