"""A small network for machines without a GPU, for tests, and for learning how training goes."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SmallCNN"]

_CHANNELS = (24, 48, 96, 192)
_GROUPS = 8


class SmallCNN(nn.Module):
    """(n, 3, h, w) -> (n, dim), sides of at least 32; about 0.7 million weights, 24 million multiplications at 64 x 64.

    Residual blocks that halve the resolution (He et al. 2016, https://arxiv.org/abs/1603.05027) with group
    normalisation (Wu and He 2018, https://arxiv.org/abs/1803.08494): unlike batch normalisation it gives a crop the
    same embedding in training and in use, in a batch of any size, on one process or several.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _CHANNELS[0], 3, stride=2, padding=1, bias=False)
        self.blocks = nn.Sequential(*(_Halving(a, b) for a, b in pairwise(_CHANNELS)))
        self.norm = nn.GroupNorm(_GROUPS, _CHANNELS[-1])
        self.fc = nn.Linear(_CHANNELS[-1], dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.blocks(self.stem(x))))
        embedding: Tensor = self.fc(x.mean(dim=(2, 3)))
        return embedding


class _Halving(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_GROUPS, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(_GROUPS, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(x))
        y = self.conv2(functional.relu(self.norm2(self.conv1(x))))
        shortcut: Tensor = self.shortcut(functional.avg_pool2d(x, 2, ceil_mode=True))
        total: Tensor = shortcut + y
        return total
