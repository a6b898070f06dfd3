"""How much a face shows: one number for each face, low as soon as it has one defect, and that defect's name.

What counts is how alike strangers with the same defect look to the networks: nats by which that raises the false-accept
rate (see `facesearch.core.quality`). The network that embeds the crop sees every defect; pixels and landmarks tell
which, and judge alone where a network does not tell. Fitted on 9,000 degraded copies of photos of 414 people; what it
tells of others is in docs/accuracy.md, "Quality".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.core.quality import WEAK, quality_of
from facesearch.core.settings import ModelSpec
from facesearch.core.types import Face
from facesearch.embedding.templates import ARCFACE_112
from facesearch.pipeline.alignment import similarity
from facesearch.pipeline.detail import SIDE, blur

__all__ = ["face_window", "rated", "sharpness"]

# Norms of a network's vectors from which on a face is good; a nat is lost with each unit below. SFace was trained
# without a margin on the norm, and what it does not recognise comes out short, as with other networks (Meng et al.,
# "MagFace", CVPR 2021): of 9,000 degraded copies it told 76 % (rank correlation) of how near they stay to their person.
# By a model's name: one that is trained further may make all of them longer or shorter.
GOOD_NORM = {"sface": 12.0, "sface+dlib": 12.0}
# By so much the same vectors are shorter in int8, at every length (mean of 200 faces; standard deviation 0.14).
INT8_SHORTER = 0.15
# The window, in ArcFace's crop of 112 pixels: from the brows to the mouth, hardly any background.
WINDOW_X, WINDOW_Y = 24, 36
# Pixels from the eyes to the mouth there.
HEIGHT = 40.7
# A crop that shows the face smaller than ArcFace's by more than this cannot show the finest detail that is asked for.
SMALLEST_SCALE = 0.9


@dataclass(frozen=True)
class _Seen:
    """What pixels and landmarks tell of a face.

    blur: nats, see `detail.blur`; light: mean brightness, 0 to 255; white: share of pixels without any detail left.
    enlarged: how many pixels of ArcFace's crop a pixel of the photo has. turned: eyes' distance over the face's height.
    """

    blur: float
    light: float
    white: float
    enlarged: float
    turned: float


def rated(face: Face, spec: ModelSpec, norm: float | None = None) -> tuple[float, str]:
    """The quality of a face in [0, 1], and what lowers it in words, empty where it is not weak.

    Args:
        face: with landmarks, box and crop.
        spec: of the embedder for which it was cropped.
        norm: of the network's vector of it, see `Embedder.embed_with_norms`; None where it is not known.
    """
    seen = _seen(face, spec)
    terms = {
        "blurred": seen.blur,
        "overexposed": 6 * (seen.white - 0.2),
        "turned away": 8 * (0.75 - seen.turned),
        "small": 1.5 * float(np.log2(max(seen.enlarged, 1e-6) / 2.3)),  # below 34 pixels
    }
    good = GOOD_NORM.get(spec.name)
    network = good - norm - INT8_SHORTER * spec.is_int8 if good is not None and norm is not None else 0.0
    quality = float(quality_of(max(network, *terms.values(), 0.0)))
    return quality, _named(face, terms, seen) if quality <= WEAK else ""


def _named(face: Face, terms: dict[str, float], seen: _Seen) -> str:
    """The defect that pixels and landmarks show most; of a face that only the network finds poor, what is left."""
    defect = max(terms, key=lambda name: terms[name])
    if defect in ("blurred", "small") and seen.enlarged > 1.4:
        width = min(face.box[2] - face.box[0], face.box[3] - face.box[1])
        return f"small ({width:.0f} pixels)"
    if terms[defect] >= 1:
        return defect
    return "dark" if seen.light < 45 else "covered, noisy or distorted"


def _seen(face: Face, spec: ModelSpec) -> _Seen:
    assert face.crop is not None
    window, scale = face_window(face.crop, spec)
    left, right, _, *mouth = face.landmarks.tolist()
    across = math.dist(left, right)
    down = math.dist(_middle(left, right), _middle(*mouth))
    return _Seen(
        blur=blur(window) if scale >= SMALLEST_SCALE else 0.0,
        light=float(window.mean()),
        white=float((window > 250).mean()),
        enlarged=HEIGHT / max(down, 1e-9),
        turned=across / max(down, 1e-9),
    )


def _middle(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def face_window(crop: NDArray[np.uint8], spec: ModelSpec) -> tuple[NDArray[np.float32], float]:
    """The middle of a face in grey, at the scale of ArcFace's crop whatever the crop's own.

    Args:
        crop: (h, w, 3) uint8, aligned as spec says.

    Returns:
        (64, 64) float32 of 0 to 255; and the crop's pixels for one of the window.
    """
    x, y, side, scale = _window_of(spec.preprocessing.landmarks)
    height, width = crop.shape[:2]
    left, top = min(max(x, 0), max(width - 1, 0)), min(max(y, 0), max(height - 1, 0))
    part = crop[top : y + side, left : x + side]
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    smooth = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(grey, (SIDE, SIDE), interpolation=smooth).astype(np.float32), scale


@cache
def _window_of(landmarks: tuple[tuple[float, float], ...]) -> tuple[int, int, int, float]:
    """Left, top and side of the window in a crop with these landmarks, and its pixels for one of ArcFace's."""
    to_crop = similarity(np.array(ARCFACE_112), np.array(landmarks))
    (x, y), _ = to_crop(np.array([(WINDOW_X - 0.5, WINDOW_Y - 0.5), (0.0, 0.0)])) + 0.5
    return round(float(x)), round(float(y)), max(round(SIDE * to_crop.scale), 1), to_crop.scale


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
    red, green, blue = np.moveaxis(middle.astype(np.float32), 2, 0)
    grey = (red + green + blue) / np.float32(3)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    contrast = float(grey.var())
    return float(laplacian.var()) / contrast if contrast > 1e-6 else 0.0
