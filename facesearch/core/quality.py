"""What the quality of a face means: one number in [0, 1], and the defect that lowers it most.

It is measured by `facesearch.pipeline.quality` when a face is found, and stored with it. Faces that were stored before
that was kept are judged by what is known of them.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["TOO_POOR", "WEAK", "earlier_qualities", "earlier_quality", "excess_of", "quality_of", "undecidable"]

Floats = NDArray[np.float64]

# Up to it a face must not hold a cluster together: of pairs of strangers that both lie there, seven times as many are
# near each other as of good faces (e²).
WEAK = 0.5
# Up to it a face cannot decide who somebody is: of such pairs more than fifty times as many are near each other (e⁴).
TOO_POOR = 0.25
NATS_PER_HALVING = 2.0
# Nats of excess: what is worse than this is no more alike.
MOST = 6.0


def quality_of(excess: ArrayLike) -> Floats:
    """Nats by which the false-accept rate lies above the calibration's -> quality. Args: excess: any shape, >= 0."""
    return np.asarray(2.0 ** (-np.asarray(excess, np.float64) / NATS_PER_HALVING))


def excess_of(quality: ArrayLike) -> Floats:
    """The inverse of `quality_of`, up to MOST."""
    least = 2.0 ** (-MOST / NATS_PER_HALVING)
    return np.asarray(-NATS_PER_HALVING * np.log2(np.clip(np.asarray(quality, np.float64), least, 1.0)))


def undecidable(quality: float, other: float, same: bool) -> bool:
    """Whether two faces are too poor to say what their distance says.

    A poor face comes no nearer to good faces of strangers than a good one does: near a good face, it is that person.
    But it comes near to other poor faces, and is far from its own person's.

    Args:
        quality, other: of the two faces.
        same: whether they are near enough to be one person.
    """
    poorer, better = sorted((quality, other))
    return poorer <= TOO_POOR and (not same or better <= WEAK)


def earlier_qualities(
    boxes: NDArray[np.float64], landmarks: NDArray[np.floating], scores: Floats, sharpness: Floats
) -> Floats:
    """The quality of faces that were stored without one, which MTCNN has found.

    The excess was fitted on 18,000 faces as the excess of strangers among their neighbours: octaves of the shorter side
    below 90 pixels, octaves of sharpness below 0.025, decades of the detector's doubt above 0.001, and how far the eyes
    are too near each other for the height of the face (profile; looking up or down).

    Args:
        boxes: (n, 4) x1, y1, x2, y2 in pixels of the photo.
        landmarks: (n, 5, 2), eyes, nose tip, mouth corners.
        scores: (n,) the detector's.
        sharpness: (n,) see `facesearch.pipeline.quality.sharpness`.

    Returns:
        (n,) float64.
    """
    side = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    octaves = np.clip(np.log2(90 / np.maximum(side, 1)), 0, 2)
    blur = np.clip(np.log2(0.025 / np.maximum(sharpness, 1e-6)), 0, 3)
    doubt = np.clip(np.log10(np.maximum(1 - scores, 1e-9)) + 3, 0, 2.5)
    turned = np.clip(0.85 - _eyes_to_height(landmarks), 0, 0.35)
    return quality_of(0.9 * octaves + 0.35 * blur + 0.7 * doubt + 4 * turned)


def earlier_quality(
    box: tuple[float, float, float, float], landmarks: NDArray[np.floating], score: float, sharpness: float
) -> tuple[float, str]:
    """As `earlier_qualities`, of one face, with what lowers it in words. Args: landmarks: (5, 2)."""
    points, side = landmarks[None], min(box[2] - box[0], box[3] - box[1])
    (quality,) = earlier_qualities(np.array([box]), points, np.array([score]), np.array([sharpness]))
    if quality > WEAK:
        return float(quality), ""
    reasons = []
    if side < 60:
        reasons.append(f"small ({side:.0f} pixels)")
    if sharpness < 0.01:
        reasons.append("blurred")
    if score < 0.99:
        reasons.append(f"doubtful as a face ({score:.0%})")
    if _eyes_to_height(points)[0] < 0.7:
        reasons.append("turned away")
    return float(quality), ", ".join(reasons) or "small, blurred and turned a little each"


def _eyes_to_height(landmarks: NDArray[np.floating]) -> Floats:
    """Between the eyes, over from eyes to mouth: about 1, less in profile. Args: landmarks: (n, 5, 2)."""
    across = np.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1)
    down = np.linalg.norm(landmarks[:, 3:].mean(axis=1) - landmarks[:, :2].mean(axis=1), axis=1)
    return np.asarray(across / np.maximum(down, 1e-9), np.float64)
