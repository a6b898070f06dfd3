"""The networks that a checkpoint may hold, by the name that ModelSpec.network carries."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ARCHITECTURES"]


def _dlib_resnet(dim: int) -> "nn.Module":
    from facesearch.embedding.dlib_resnet import DlibResNet

    return DlibResNet(dim)


def _inception_resnet_v1(dim: int) -> "nn.Module":
    from facesearch.embedding.inception_resnet import inception_resnet_v1

    return inception_resnet_v1(dim)


def _sface(dim: int) -> "nn.Module":
    from facesearch.embedding.sface_torch import SFace

    return SFace(dim)


def _small_cnn(dim: int) -> "nn.Module":
    from facesearch.embedding.small_cnn import SmallCNN

    return SmallCNN(dim)


# name -> a new, untrained network for embeddings of length dim; torch is imported when one is made.
ARCHITECTURES: dict[str, "Callable[[int], nn.Module]"] = {
    "dlib-resnet": _dlib_resnet,
    "inception-resnet-v1": _inception_resnet_v1,
    "sface": _sface,
    "small-cnn": _small_cnn,
}
