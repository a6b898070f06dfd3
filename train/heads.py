"""Margins by class: a vector for each person of the training set, which goes with the run and is not in the checkpoint.

Every kind is softmax cross-entropy over s · cos θ, θ being the angle between an embedding and a person's vector, in
which the true person's cosine is made smaller by a margin m:

    arcface    cos(θ + m)               Deng et al. 2019, https://arxiv.org/abs/1801.07698, eq. 3
    cosface    cos(θ) - m               Wang et al. 2018, https://arxiv.org/abs/1801.09414, eq. 4
    adaface    cos(θ - m ẑ) - (m ẑ + m) Kim et al. 2022, https://arxiv.org/abs/2204.00964, eq. 12 to 16

ẑ in -1..1 is how long an embedding is before it is normalised, compared with others: a stand-in for the quality of the
image. Poor images get a margin that learns less from those which are hard, good ones one that learns more.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from train.config import LossConfig

__all__ = ["MarginHead"]

# AdaFace, section 3.2: h, by which norms are spread over -1..1, and the share of the past in their running statistics.
SPREAD, MEMORY = 0.33, 0.99
# Keeps angles away from 0 and pi, where the arc cosine has no gradient.
EPSILON = 1e-4


class MarginHead(nn.Module):
    """The people of the training set as vectors, and the loss of embeddings against them."""

    mean: Tensor
    std: Tensor
    seen: Tensor

    def __init__(self, config: LossConfig, people: int, dim: int, seed: int = 0) -> None:
        """Args: people, dim: how many, and how long an embedding is; the vectors follow from the seed."""
        super().__init__()
        self.kind, self.scale, self.margin = config.head, config.head_scale, config.head_margin
        drawn = torch.randn(people, dim, generator=torch.Generator().manual_seed(seed))
        self.people = nn.Parameter(functional.normalize(drawn))
        for name in ("mean", "std"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))

    def forward(self, embeddings: Tensor, norms: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of a batch; AdaFace's running statistics take the batch in.

        Args:
            embeddings: (n, d) float32, unit L2 norm.
            norms: (n,) float32, of the embeddings before; no gradient goes through them.
            labels: (n,) int64, below `people`.
        """
        cosines = (embeddings @ functional.normalize(self.people).T).clamp(-1 + EPSILON, 1 - EPSILON)
        rows = torch.arange(len(labels), device=labels.device)
        true = cosines[rows, labels]
        logits = cosines.clone()
        logits[rows, labels] = self._with_margin(true, norms.detach())
        return functional.cross_entropy(self.scale * logits, labels)

    def _with_margin(self, cosines: Tensor, norms: Tensor) -> Tensor:
        if self.kind == "cosface":
            return cosines - self.margin
        if self.kind == "arcface":
            return _turned(cosines, torch.full_like(cosines, self.margin))
        quality = self._quality(norms)
        return _turned(cosines, -self.margin * quality) - (self.margin * quality + self.margin)

    def _quality(self, norms: Tensor) -> Tensor:
        """ẑ, (n,) in -1..1. The first batch begins the running statistics."""
        mean, std = norms.mean(), norms.std(correction=0)
        memory = self.seen * MEMORY  # on the device: `if` would wait for it
        self.mean.copy_(memory * self.mean + (1 - memory) * mean)
        self.std.copy_(memory * self.std + (1 - memory) * std)
        self.seen.fill_(True)
        return ((norms - self.mean) / (self.std / SPREAD + EPSILON)).clamp(-1, 1)


def _turned(cosines: Tensor, by: Tensor) -> Tensor:
    """cos(θ + by), θ + by not below 0; beyond pi, where it would grow again, the straight line of arcface's code."""
    angles = cosines.acos() + by
    return torch.where(angles > math.pi, cosines - by * by.sin(), angles.clamp(min=0).cos())
