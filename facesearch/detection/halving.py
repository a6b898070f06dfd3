"""Images at half their size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["halved"]


def halved(pixels: NDArray[Any]) -> NDArray[Any]:
    """The mean of every 2 x 2 pixels, of the same kind; a last odd row or column is left out."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    if not height or not width:
        return np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
    # Bilinear in the middle between four pixels is their mean, and three times as fast as OpenCV's area averaging.
    return cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_LINEAR)
