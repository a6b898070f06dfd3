"""How much a face crop shows."""

import numpy as np
from numpy.typing import NDArray

from facesearch.core.types import Box

__all__ = ["WEAK", "excess", "poorness", "sharpness"]

# A face whose excess is so much or more must not hold a cluster together: e² is seven times the usual false accepts.
WEAK = 2.0


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


def excess(
    boxes: NDArray[np.float64],
    landmarks: NDArray[np.floating],
    scores: NDArray[np.float64],
    sharpnesses: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By how many nats a face's false-accept rate lies above the calibration's, judged by what the photo shows of it.

    Fitted on 18,000 faces as the excess of strangers among their neighbours: octaves of the shorter side below 90
    pixels, octaves of sharpness below 0.025, decades of the detector's doubt above 0.001, and how far the eyes are too
    near each other for the height of the face (profile; looking up or down).

    Args:
        boxes: (n, 4) x1, y1, x2, y2 in pixels of the photo.
        landmarks: (n, 5, 2), eyes, nose tip, mouth corners.
        scores: (n,) the detector's.
        sharpnesses: (n,) see `sharpness`.

    Returns:
        (n,) float64: 0 for a good face; 2 and more is a poor one, which must not hold a cluster together.
    """
    side = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    across = np.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1)
    down = np.linalg.norm(landmarks[:, 3:].mean(axis=1) - landmarks[:, :2].mean(axis=1), axis=1)
    octaves = np.clip(np.log2(90 / np.maximum(side, 1)), 0, 2)
    blur = np.clip(np.log2(0.025 / np.maximum(sharpnesses, 1e-6)), 0, 3)
    doubt = np.clip(np.log10(np.maximum(1 - scores, 1e-9)) + 3, 0, 2.5)
    turned = np.clip(0.85 - across / np.maximum(down, 1e-9), 0, 0.35)
    return np.asarray(0.9 * octaves + 0.35 * blur + 0.7 * doubt + 4 * turned)


def poorness(box: Box, landmarks: NDArray[np.floating], score: float, sharpness: float) -> str:
    """Why a face shows too little to be sure about, in words; empty for a good one. Args: landmarks: (5, 2)."""
    points = np.asarray(landmarks)
    if float(excess(np.array([box]), points[None], np.array([score]), np.array([sharpness]))[0]) < WEAK:
        return ""
    reasons = []
    width = min(box[2] - box[0], box[3] - box[1])
    if width < 60:
        reasons.append(f"small ({width:.0f} pixels)")
    if sharpness < 0.01:
        reasons.append("blurred")
    if score < 0.99:
        reasons.append(f"doubtful as a face ({score:.0%})")
    eyes, down = points[1] - points[0], points[3:].mean(axis=0) - points[:2].mean(axis=0)
    if np.linalg.norm(eyes) < 0.7 * np.linalg.norm(down):
        reasons.append("turned away")
    return ", ".join(reasons) or "small, blurred and turned a little each"
