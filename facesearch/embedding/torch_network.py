"""A PyTorch module as a Network."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from facesearch.core.settings import ModelSpec
from facesearch.core.torch_precision import use_float32

__all__ = ["TorchNetwork"]


class TorchNetwork:
    """Runs a module for inference on one device."""

    def __init__(self, module: nn.Module, spec: ModelSpec, device: str) -> None:
        use_float32()
        self.spec = spec
        self._device = torch.device(device)
        # Channels-last makes convolutions a quarter to a half faster on the CPU, and is what CUDA's kernels want;
        # MPS gains nothing from it.
        self._layout = torch.contiguous_format if self._device.type == "mps" else torch.channels_last
        # call by call: nn.Module.to has no overload for both at once
        self._module = module.eval().requires_grad_(False).to(self._device).to(memory_format=self._layout)

    @torch.inference_mode()
    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) float32 -> (n, dim) float32, not of unit norm."""
        if len(batch) == 0:
            return np.zeros((0, self.spec.dim), np.float32)
        x = torch.from_numpy(batch).to(self._device).contiguous(memory_format=self._layout)
        embeddings: npt.NDArray[np.float32] = self._module(x).float().cpu().numpy()
        return embeddings
