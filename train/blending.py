"""Weights between those of a start and those that training made of them.

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (https://arxiv.org/abs/2109.01903), section 3: networks
that were trained from one another can be averaged weight by weight. Part of the way keeps most of what training gained
on its own kind of data, and loses less on all other.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from facesearch.core.errors import InputError

__all__ = ["blend"]


def blend(start: Mapping[str, Tensor], trained: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """A state dict that lies `share` of the way from one to the other.

    Args:
        start, trained: state dicts of one network, on one device.
        share: within 0..1; at 0 the result has start's values, at 1 those of trained, to the last bit. Integers and
            booleans, which have nothing between them, are those of the nearer one; of trained at 0.5.

    Returns:
        New tensors, under trained's names.

    Raises:
        InputError: the share is not within 0..1, or the two are not of one network.
    """
    if not 0 <= share <= 1:
        raise InputError(f"the share of the trained weights must lie in 0..1, not {share}")
    if _shapes(start) != _shapes(trained):
        raise InputError("weights can be blended only of one network: these have other names or shapes")
    return {name: _between(start[name], value, share) for name, value in trained.items()}


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _between(start: Tensor, trained: Tensor, share: float) -> Tensor:
    if start.is_floating_point():
        return torch.lerp(start.detach(), trained.detach(), share)
    return (trained if share >= 0.5 else start).clone()
