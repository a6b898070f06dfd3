"""How much a face crop shows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["sharpness"]


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian over the variance of the picture, of the grey crop.

    The first is the classic focus measure (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000); divided by the second it does not depend on contrast. A tiny face that had to be enlarged is blurred by
    that, and measures as it is.

    Args:
        crop: (h, w, 3) uint8, an aligned face; the middle half of each side is looked at, which is face and not edge.

    Returns:
        About 0.001 for a smear, 0.1 and more for a sharp face; 0 for an even surface.
    """
    height, width = crop.shape[:2]
    middle = crop[height // 4 : height - height // 4, width // 4 : width - width // 4]
    grey = middle.astype(np.float32).mean(axis=2)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    contrast = float(grey.var())
    return float(laplacian.var()) / contrast if contrast > 1e-6 else 0.0
