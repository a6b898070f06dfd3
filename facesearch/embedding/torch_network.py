"""A PyTorch module as a Network, in float32 or float16."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from facesearch.core.settings import ModelSpec
from facesearch.core.torch_device import TorchDevice
from facesearch.embedding.base import Embedded
from facesearch.embedding.standardiser import Standardiser

__all__ = ["TorchNetwork", "in_float16"]


class TorchNetwork:
    """Runs a module for inference on one device, in the spec's precision; a PixelNetwork."""

    def __init__(self, module: nn.Module, spec: ModelSpec, device: str | TorchDevice) -> None:
        """Args: module: in float32; it is changed and kept. device: as `pick_device` gives it, or ready."""
        self.spec = spec
        self._device = TorchDevice(device) if isinstance(device, str) else device
        # Channels-last makes convolutions a quarter to a half faster on the CPU, and is what CUDA's kernels want;
        # MPS gains nothing from it.
        self._layout = torch.contiguous_format if self._device.device.type == "mps" else torch.channels_last
        if spec.is_float16:
            in_float16(module)
        # call by call: nn.Module.to has no overload for both at once
        self._module = module.eval().requires_grad_(False).to(self._device.device).to(memory_format=self._layout)
        self._standardise = Standardiser(spec.preprocessing, self._device.device, self._layout)

    @torch.inference_mode()
    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) float32 -> (n, dim) float32, not of unit norm."""
        if len(batch) == 0:
            return np.zeros((0, self.spec.dim), np.float32)
        x = self._device.upload(batch).contiguous(memory_format=self._layout)
        return self._device.download(self._module(x).float())()

    @torch.inference_mode()
    def begin(self, crops: Sequence[npt.NDArray[np.uint8]]) -> Callable[[], Embedded]:
        """As `PixelNetwork.begin`; one copy to the device, and one back, of unit vectors and norms together."""
        x = self._standardise(self._device.upload_stacked(crops))
        unit, norms = self._mirrored(x) if self.spec.preprocessing.mirror else self._plain(x)
        copied = self._device.download(torch.cat([unit, norms], dim=1))

        def wait() -> Embedded:
            rows = copied()
            return rows[:, :-1], rows[:, -1]

        return wait

    def _plain(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, height, width) float32 -> (n, dim) unit vectors, (n, 1) their norms before."""
        count = len(x)  # an image on its own would be computed in another order, see `embedder.BATCH_SIZE`
        vectors = self._module(torch.cat([x, x]) if count == 1 else x)[:count].float()
        return functional.normalize(vectors), vectors.norm(dim=1, keepdim=True)

    def _mirrored(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As _plain, averaged over the crops and their mirror images."""
        unit, norms = self._plain(torch.cat([x, x.flip(3)]))
        count = len(x)
        # the sum of two unit vectors points where their mean does
        return functional.normalize(unit[:count] + unit[count:]), (norms[:count] + norms[count:]) / 2


def in_float16(module: nn.Module) -> None:
    """Let the layers that have weights compute in float16; what is around them, such as normalisation, does not.

    Changes the module. It takes float32 as before, and may give float16.
    """
    for layer in module.modules():
        if next(layer.parameters(recurse=False), None) is not None:
            layer.half()
            layer.register_forward_pre_hook(_rounded)


def _rounded(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.half() for x in inputs)
