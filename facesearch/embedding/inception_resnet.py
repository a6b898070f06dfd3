"""facenet-pytorch's Inception-ResNet-v1 and its published weights."""

from pathlib import Path

import torch
from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn

from facesearch.core.errors import WeightsError

__all__ = ["inception_resnet_v1", "read_inception_resnet"]

_PUBLISHED_DIM = 512


def inception_resnet_v1(dim: int = _PUBLISHED_DIM) -> nn.Module:
    """Without weights: (n, 3, 160, 160) -> (n, dim). Nothing is downloaded."""
    network: nn.Module = InceptionResnetV1(pretrained=None, classify=False)
    if dim != _PUBLISHED_DIM:
        network.last_linear = nn.Linear(1792, dim, bias=False)
        network.last_bn = nn.BatchNorm1d(dim, eps=0.001, momentum=0.1)
    return network


def read_inception_resnet(path: Path) -> nn.Module:
    """The network with weights from one of facenet-pytorch's .pt files.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    network = inception_resnet_v1()
    try:
        network.load_state_dict(_read_state(path))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not hold Inception-ResNet-v1: {str(error).splitlines()[0]}") from error
    return network


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        # These files are pickles. weights_only=True reads them with torch's own restricted reader: it rebuilds tensors
        # and containers and calls nothing else that the file names. Nothing in this project unpickles in another way.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as whatever the reader stumbles over first
        raise WeightsError(f"{path} is damaged or not a torch file: remove it and get it again") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} does not hold the weights of a network")
    # The classifier over the training set's people is not part of the embedding.
    return {name: value for name, value in state.items() if not name.startswith("logits.")}
