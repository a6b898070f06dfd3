"""Five landmarks -> an upright face crop, by a similarity transform.

Rotation, one scale for both axes, and translation: nothing that would change the face's proportions. The transform is
the least-squares one of Umeyama, "Least-squares estimation of transformation parameters between two point patterns"
(PAMI 1991), eqs. 40-42.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.settings import Preprocessing

__all__ = ["Similarity", "align", "similarity"]


@dataclass(frozen=True)
class Similarity:
    """p -> scale * rotation(angle) @ p + (x, y), with the angle in radians, x to the right and y down."""

    scale: float
    angle: float
    x: float
    y: float

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Args: points (n, 2). Returns (n, 2)."""
        a, b = self.scale * math.cos(self.angle), self.scale * math.sin(self.angle)
        turned: NDArray[np.float64] = np.asarray(points, np.float64) @ np.array([[a, b], [-b, a]])
        return np.asarray(turned + np.array((self.x, self.y)))

    def inverse(self) -> "Similarity":
        rotated = Similarity(1 / self.scale, -self.angle, 0.0, 0.0)
        x, y = rotated(np.array([[-self.x, -self.y]]))[0]
        return Similarity(1 / self.scale, -self.angle, float(x), float(y))


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Similarity:
    """The similarity that takes source nearest to target, in the least-squares sense.

    In two dimensions points are complex numbers, and the transform z -> w·z + t has a closed form without an SVD.

    Args:
        source, target: (n, 2), n at least 2 and not all alike.
    """
    z = np.asarray(source, np.float64) @ (1, 1j)
    goal = np.asarray(target, np.float64) @ (1, 1j)
    centred = z - z.mean()
    w = np.vdot(centred, goal - goal.mean()) / max(np.vdot(centred, centred).real, 1e-12)
    t = goal.mean() - w * z.mean()
    return Similarity(max(abs(w), 1e-6), float(np.angle(w)), float(t.real), float(t.imag))


def align(rgb: NDArray[np.uint8], landmarks: NDArray[np.floating], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The face as the network wants to see it.

    A large face is first made smaller by averaging, so that nothing is skipped, and then turned; bicubic throughout.
    What lies outside the image is black.

    Args:
        rgb: (h, w, 3) uint8.
        landmarks: (5, 2), in pixels of rgb (continuous: the left edge of the first pixel is 0).
        preprocessing: says where the landmarks come to lie and how large the crop is.

    Returns:
        (height, width, 3) uint8.
    """
    height, width = preprocessing.size
    template = np.asarray(preprocessing.landmarks, np.float64) + 0.5  # centres at whole numbers -> continuous
    to_photo = similarity(landmarks, template).inverse()
    corners = to_photo(np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64))
    patch, left, top = _patch(rgb, corners)
    shrink = max(to_photo.scale, 1.0)
    small = (max(round(patch.shape[1] / shrink), 1), max(round(patch.shape[0] / shrink), 1))
    fx, fy = small[0] / patch.shape[1], small[1] / patch.shape[0]
    if shrink > 1:  # Pillow's resampling, not OpenCV's: what is too fine for the crop leaves no moiré
        patch = np.asarray(Image.fromarray(np.ascontiguousarray(patch)).resize(small, Image.Resampling.BICUBIC))
    a, b = to_photo.scale * math.cos(to_photo.angle), to_photo.scale * math.sin(to_photo.angle)
    x, y = to_photo(np.array([(0.5, 0.5)]))[0]  # the centre of the first pixel: OpenCV counts from centre to centre
    matrix = np.array([(a * fx, -b * fx, (x - left) * fx - 0.5), (b * fy, a * fy, (y - top) * fy - 0.5)])
    # OpenCV turns floats in two thirds of the time that it takes for bytes
    turned = _warped(patch.astype(np.float32), matrix, (width, height), cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    crop: NDArray[np.uint8] = np.rint(turned).clip(0, 255).astype(np.uint8)
    if corners.min() < 0 or (corners > (rgb.shape[1], rgb.shape[0])).any():
        inside = np.ones(patch.shape[:2], np.uint8)
        crop *= _warped(inside, matrix, (width, height), cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)[..., None]
    return crop


def _warped(
    pixels: NDArray[Any], matrix: NDArray[np.float64], size: tuple[int, int], filter: int, border: int
) -> NDArray[Any]:
    """matrix: from the result's pixels to those of the image; what lies outside is black, or the edge goes on."""
    flags = filter | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=border)


def _patch(rgb: NDArray[np.uint8], corners: NDArray[np.float64]) -> tuple[NDArray[np.uint8], int, int]:
    """The upright part of the image around the corners, with a margin for the filters, and where it begins."""
    margin = 4 + 0.05 * float(np.ptp(corners, axis=0).max())
    left, top = np.floor(corners.min(axis=0) - margin).astype(int)
    right, bottom = np.ceil(corners.max(axis=0) + margin).astype(int)
    image_height, image_width = rgb.shape[:2]
    left, right = (int(np.clip(v, 0, image_width)) for v in (left, right))
    top, bottom = (int(np.clip(v, 0, image_height)) for v in (top, bottom))
    left, top = min(left, image_width - 1), min(top, image_height - 1)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    return rgb[top:bottom, left:right], left, top
