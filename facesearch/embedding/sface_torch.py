"""SFace in PyTorch."""

import torch
from torch import Tensor, nn

from facesearch.embedding.sface import MEAN, SCALE, SFaceLayer, SFaceWeights

__all__ = ["SFace"]


class SFace(nn.Module):
    """(n, 3, 112, 112) of 0 to 255 in RGB -> (n, 128)."""

    def __init__(self, weights: SFaceWeights) -> None:
        super().__init__()
        units = [module for layer in weights.layers for module in _unit(layer)]
        out, inputs = weights.fc.shape
        last = _filled(nn.Linear(inputs, out), weights.fc, weights.fc_biases)
        self.layers = nn.Sequential(*units, nn.Flatten(), last)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.layers((x - MEAN) * SCALE)
        return embedding


def _unit(layer: SFaceLayer) -> tuple[nn.Module, nn.Module]:
    out, inputs, side, _ = layer.filters.shape
    groups = out if layer.by_channel else 1
    conv = nn.Conv2d(inputs * groups, out, side, layer.stride, layer.padding, groups=groups)
    return _filled(conv, layer.filters, layer.biases), _filled(nn.PReLU(out), layer.slopes)


def _filled(module: nn.Module, *values: object) -> nn.Module:
    """The module with these parameters, in its order."""
    for parameter, value in zip(module.parameters(), values, strict=True):
        parameter.data.copy_(torch.as_tensor(value))
    return module
