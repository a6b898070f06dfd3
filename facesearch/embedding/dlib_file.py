"""Reads the weights of a network that dlib saved.

dlib writes a plain sequence without an index: integers as one byte (sign in bit 7, number of bytes in the low bits)
and then so many little-endian bytes; names as such an integer and their letters; tensors as a version, four
dimensions and float32 values, little-endian. Layers stand in the order of the forward pass. Only what holds weights
is read; the bookkeeping between two such layers is passed over.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import WeightsError

__all__ = ["LEVELS", "ConvWeights", "DlibWeights", "read_dlib_file", "read_dlib_weights"]

# (channels, does the first block halve the resolution, blocks), from the input to the output.
LEVELS = ((32, False, 3), (64, True, 4), (128, True, 3), (256, True, 3), (256, True, 1))
_Floats = npt.NDArray[np.float32]
_TENSOR_VERSION = 2
_BOOKKEEPING_BYTES = 1024  # the most that lies between two layers with weights is about 300


@dataclass(frozen=True)
class ConvWeights:
    """One convolution with the affine layer after it folded in.

    filters: (out, in, rows, columns) float32.
    biases: (out,) float32.
    """

    filters: _Floats
    biases: _Floats
    stride: int
    padding: int


@dataclass(frozen=True)
class DlibWeights:
    """The layers with weights, in the order of the forward pass.

    convolutions: the stem's, then two for each residual block; where a block halves the resolution, the first of them
        has a stride of 2.
    fc: (out, in) float32, the fully connected layer without a bias.
    """

    convolutions: list[ConvWeights]
    fc: _Floats


def read_dlib_file(path: Path) -> DlibWeights:
    """Every convolution and affine pair, then the fully connected layer at the end.

    Raises:
        WeightsError: the file cannot be read, is truncated, or is something else.
    """
    try:
        reader = _Reader(path.read_bytes())
        convolutions = []
        while reader.next_layer("con_4", "fc_2") == "con_4":
            convolutions.append(_read_conv(reader))
        return DlibWeights(convolutions, _read_fc(reader))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a readable dlib network: {error}") from error


def read_dlib_weights(path: Path) -> DlibWeights:
    """The weights of dlib_face_recognition_resnet_model_v1.dat.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    file = read_dlib_file(path)
    expected = list(_layers())
    if len(file.convolutions) != len(expected):
        raise WeightsError(f"{path} holds {len(file.convolutions)} convolutions instead of {len(expected)}")
    for conv, layer in zip(file.convolutions, expected, strict=True):
        found = (conv.filters.shape, conv.stride, conv.padding)
        if found != layer:
            raise WeightsError(f"{path} is not dlib's face network: a convolution is {found} instead of {layer}")
    return file


def _layers() -> Iterator[tuple[tuple[int, ...], int, int]]:
    """(filters' shape, stride, padding) of each convolution; dlib pads one only where its stride is 1."""
    yield (32, 3, 7, 7), 2, 0
    before = 32
    for channels, halves, blocks in LEVELS:
        for block in range(blocks):
            halve = halves and block == 0
            yield (channels, before, 3, 3), 2 if halve else 1, 0 if halve else 1
            yield (channels, channels, 3, 3), 1, 1
            before = channels


def _read_conv(reader: "_Reader") -> ConvWeights:
    params = reader.tensor()
    out, rows, columns, stride, _, padding, _ = reader.integers(7)
    _, *shape = reader.integers(5)  # a version, then the filters' dimensions inside params
    if shape[0] != out or shape[2:] != [rows, columns] or params.size != math.prod(shape) + out:
        raise ValueError(f"a convolution of shape {shape} has {params.size} parameters")
    reader.next_layer("affine_")
    affine = reader.tensor()
    if affine.size != 2 * out:
        raise ValueError(f"an affine layer after {out} filters has {affine.size} parameters")
    gamma, beta = affine[:out], affine[out:]
    filters = params[:-out].reshape(shape) * gamma[:, None, None, None]
    return ConvWeights(filters, params[-out:] * gamma + beta, stride, padding)


def _read_fc(reader: "_Reader") -> _Floats:
    out, inputs = reader.integers(2)
    params = reader.tensor()
    if params.size != out * inputs:
        raise ValueError(f"a fully connected layer of {inputs} to {out} has {params.size} parameters")
    return np.ascontiguousarray(params.reshape(inputs, out).T)


class _Reader:
    """A position in the bytes; everything it raises is a ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def next_layer(self, *names: str) -> str:
        """Go behind the next of these layer names."""
        end = self._at + _BOOKKEEPING_BYTES
        marks = {name: self._data.find(bytes([1, len(name)]) + name.encode(), self._at, end) for name in names}
        found = {name: at for name, at in marks.items() if at >= 0}
        if not found:
            raise ValueError(f"no {' or '.join(names)} layer after byte {self._at}")
        first = min(found, key=found.__getitem__)
        self._at = found[first] + 2 + len(first)
        return first

    def integers(self, count: int) -> list[int]:
        return [self._integer() for _ in range(count)]

    def tensor(self) -> _Floats:
        """All values of a tensor, (n,) float32."""
        version, *dims = self.integers(5)
        if version != _TENSOR_VERSION or min(dims) < 1:
            raise ValueError(f"no tensor at byte {self._at}")
        return np.frombuffer(self._take(4 * math.prod(dims)), dtype="<f4").astype(np.float32)

    def _integer(self) -> int:
        control = self._take(1)[0]
        magnitude = int.from_bytes(self._take(control & 0x0F), "little")
        return -magnitude if control & 0x80 else magnitude

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ValueError(f"it ends at byte {len(self._data)}, in the middle of a layer")
        taken, self._at = self._data[self._at : end], end
        return taken
