"""Low-rank adapters: training that changes a layer's weights only by a product of two small matrices.

Hu et al. 2021, "LoRA" (https://arxiv.org/abs/2106.09685), section 4.1: the weights in use are W + B A, with W frozen,
A (rank, inputs) drawn at random and B (outputs, rank) 0 at first. A convolution's weights are taken as one matrix of a
row for each output channel. In a checkpoint the product is added to the weights, so that it is as large, as fast and
as portable as its start.
"""

from collections.abc import Set

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from facesearch.core.errors import InputError

__all__ = ["add_adapters", "merge_adapters", "merged_state"]


class _LowRank(nn.Module):
    """W -> W + B A."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        inputs = weight[0].numel()
        self.a = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.b = nn.Parameter(torch.zeros(len(weight), rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.b @ self.a).view(weight.shape)


def add_adapters(module: nn.Module, rank: int, whole: Set[str] = frozenset()) -> None:
    """Freeze the module, and give an adapter to each convolution across channels and each linear layer in training.

    Convolutions by channel have nine weights for each channel, of which no low rank is smaller; they are frozen.

    Args:
        whole: names of parameters that are trained as they are, such as those that are new.

    Raises InputError where there is no such layer.
    """
    layers = [
        part
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | nn.Conv2d) and _can_be_adapted(part) and f"{name}.weight" not in whole
    ]
    if not layers:
        raise InputError("network.adapters: no convolution or linear layer is left to adapt; freeze fewer layers")
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in whole and parameter.requires_grad)
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", _LowRank(layer.weight.detach(), rank))


def _can_be_adapted(layer: nn.Linear | nn.Conv2d) -> bool:
    return layer.weight.requires_grad and getattr(layer, "groups", 1) == 1


def merged_state(module: nn.Module) -> dict[str, Tensor]:
    """The state dict of the module without adapters that computes the same."""
    state = dict(module.state_dict())
    for name, part in _adapted(module):
        for key in [key for key in state if key.startswith(f"{name}.parametrizations.")]:
            del state[key]
        weight = part.weight
        assert isinstance(weight, Tensor)
        state[f"{name}.weight"] = weight.detach()
    return state


def merge_adapters(module: nn.Module) -> None:
    """Make the module one without adapters that computes the same; its parameters can't be trained on any more."""
    for _, part in list(_adapted(module)):
        parametrize.remove_parametrizations(part, "weight")


def _adapted(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, part) for name, part in module.named_modules() if parametrize.is_parametrized(part, "weight")]
