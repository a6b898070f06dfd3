"""A device of PyTorch's: how exactly networks compute there, and the copies to it and back.

Every network that PyTorch runs gets its device from here, so that the precision is set before the first one runs, and
is the same for all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facesearch.core.torch_precision import use_float32

__all__ = ["TorchDevice"]


class TorchDevice:
    """A device, and the copies to it and back; threads may share it."""

    def __init__(self, name: str) -> None:
        """Args: name: as `facesearch.core.device.pick_device` gives it."""
        use_float32()
        self.device = torch.device(name)
        self._is_cuda = self.device.type == "cuda"  # which copies to and from pinned memory while others compute

    def upload(self, values: NDArray[Any]) -> Tensor:
        """The values on the device, of the same shape and dtype; the array may be read-only, and is free afterwards."""
        staged = self._staging(values.shape, values.dtype)
        np.copyto(staged.numpy(), values)
        return staged.to(self.device, non_blocking=self._is_cuda)

    def upload_stacked(self, arrays: Sequence[NDArray[Any]]) -> Tensor:
        """As `upload`, of n arrays of one shape and dtype as one (n, ...); n is at least 1."""
        staged = self._staging((len(arrays), *arrays[0].shape), arrays[0].dtype)
        np.stack(arrays, out=staged.numpy())
        return staged.to(self.device, non_blocking=self._is_cuda)

    def download(self, values: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Begin to copy float32 values from the device.

        Returns:
            A function that waits for the copy, of the same shape; not for work that is given to the device later.
        """
        if not self._is_cuda:
            copied = values.cpu()
            return copied.numpy
        staged = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        staged.copy_(values, non_blocking=True)
        done = torch.cuda.Event()
        done.record(torch.cuda.current_stream(self.device))

        def wait() -> NDArray[np.float32]:
            done.synchronize()
            return staged.numpy()

        return wait

    def _staging(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor:
        """Memory of the host from which the device copies."""
        kind = torch.from_numpy(np.empty(0, dtype)).dtype
        return torch.empty(shape, dtype=kind, pin_memory=self._is_cuda)
