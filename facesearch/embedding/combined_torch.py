"""SFace and dlib's network together in PyTorch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding import combined

__all__ = ["Combined", "SFacePart"]


class Combined(nn.Module):
    """(n, 3, 187, 174) of 0 to 255 -> (n, 256) with the norm of SFace's vector; see `combined`."""

    def __init__(self, sface: tuple[ModelSpec, nn.Module], dlib: tuple[ModelSpec, nn.Module]) -> None:
        super().__init__()
        self.sface = _Member(sface[0].preprocessing, sface[1])
        self.dlib = _Member(dlib[0].preprocessing, dlib[1])

    def forward(self, planes: Tensor) -> Tensor:
        x, y = combined.DLIB_AT
        small = _small(planes)
        dlib, _ = self.dlib(planes[:, :, y : y + combined.DLIB_SIDE, x : x + combined.DLIB_SIDE])
        sface, norm = self.sface(small)
        both: Tensor = norm * torch.cat([dlib * combined.dlib_factor(), sface * combined.sface_factor()], dim=1)
        return both


class SFacePart(nn.Module):
    """(n, 3, 187, 174) of 0 to 255, the crops of the combination -> what SFace's network gives of them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: Tensor) -> Tensor:
        vectors: Tensor = self.network(_small(planes))
        return vectors


def _small(planes: Tensor) -> Tensor:
    """SFace's part of a crop, in its own size."""
    square = planes[:, :, : combined.SFACE_SIDE]
    return functional.interpolate(square, [combined.SFACE_INPUT] * 2, mode="bilinear", align_corners=False)


class _Member(nn.Module):
    """A network with its preprocessing: RGB planes of 0 to 255 -> unit vectors, and (n, 1) their norms before."""

    mean: Tensor
    std: Tensor

    def __init__(self, pre: Preprocessing, network: nn.Module) -> None:
        super().__init__()
        self.network, self.mirror = network, pre.mirror
        self.register_buffer("mean", torch.tensor(pre.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(pre.std).reshape(1, 3, 1, 1))

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        x = (planes - self.mean) / self.std
        vectors = self.network(x).float()
        norm = vectors.norm(dim=1, keepdim=True)
        if not self.mirror:
            return functional.normalize(vectors), norm
        mirrored = self.network(x.flip(3)).float()
        unit = functional.normalize(functional.normalize(vectors) + functional.normalize(mirrored))
        return unit, (norm + mirrored.norm(dim=1, keepdim=True)) / 2
