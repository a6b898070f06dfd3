"""Reads tensors that an old PyTorch saved, without PyTorch, whose import takes longer than all the rest of a query.

Before version 1.6, torch.save wrote one pickle after another: a magic number, the format's version, the sizes of the
writer's integers, the state dict in which every storage is only named, and the names of the storages; then each
storage, as its number of values in 8 bytes and the values. MTCNN's weights in facenet-pytorch's wheel are such files.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import WeightsError

__all__ = ["read_torch_file"]

Floats = npt.NDArray[np.float32]
MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class _Tensor:
    """As torch._utils._rebuild_tensor_v2 is called; the storage is its name."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: Mapping[str, Any]

    def of(self, storages: Mapping[str, Floats]) -> Floats:
        values = storages[self.storage][self.offset :]
        last = sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides, *(side - 1 for side in self.shape))) < 0 or last >= len(values):
            raise ValueError(f"a tensor of shape {self.shape} reaches beyond its storage")
        strides = [stride * values.itemsize for stride in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values, self.shape, strides))


class _Unpickler(pickle.Unpickler):
    """Knows what a state dict of float tensors is made of, and nothing else: no other name is ever looked up."""

    KNOWN = {  # noqa: RUF012
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch", "FloatStorage"): np.float32,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise ValueError(f"it holds a {module}.{name}, not just tensors")
        return self.KNOWN[module, name]

    def persistent_load(self, pid: Any) -> str:
        _, kind, key, _device, _count, view = pid
        if kind is not np.float32 or view is not None:
            raise ValueError("a storage is not of 32-bit floats")
        return str(key)


def read_torch_file(path: Path) -> dict[str, Floats]:
    """The float32 tensors of a state dict by name, as torch.load(weights_only=True) gives them.

    Raises:
        WeightsError: the file cannot be read, is damaged, of another format, or holds anything but such tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} is not a readable file of PyTorch tensors: {error}") from error


def _read(file: BinaryIO) -> dict[str, Floats]:
    magic, _version, system, state, keys = (_Unpickler(file).load() for _ in range(5))
    if magic != MAGIC or not system["little_endian"]:
        raise ValueError("it is of another format")
    storages = {key: _storage(file) for key in keys}
    return {name: tensor.of(storages) for name, tensor in state.items()}


def _storage(file: BinaryIO) -> Floats:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(4 * count)
    if len(data) != 4 * count:
        raise ValueError("it ends in the middle of a tensor")
    return np.frombuffer(data, "<f4").astype(np.float32)
