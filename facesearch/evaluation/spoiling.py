"""Photos made worse in known ways, to measure what each way costs and whether it is noticed.

Levels are relative to the face, so that they mean the same in a portrait and in a group photo.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.core.types import Face

__all__ = ["DEFECTS", "spoiled"]

Pixels = NDArray[np.uint8]
Spoil = Callable[[Pixels, Face, np.random.Generator], Pixels]

# Pixels across a face when it is blurred; it is enlarged again afterwards.
BLURRED_PX = 80


def spoiled(defect: str, rgb: Pixels, face: Face, seed: int = 0) -> Pixels:
    """A photo with one of DEFECTS. Args: rgb: (h, w, 3) uint8; face: where it is in it."""
    return DEFECTS[defect](rgb, face, np.random.default_rng(seed))


def _width(face: Face) -> float:
    return max(face.box[2] - face.box[0], 1.0)


def _resized(rgb: Pixels, size: tuple[int, int]) -> Pixels:
    smaller = size[0] < rgb.shape[1]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)


def _with_face_of(rgb: Pixels, face: Face, width_px: float) -> Pixels:
    """The photo at a scale at which the face has this width."""
    factor = width_px / _width(face)
    return _resized(rgb, (max(round(rgb.shape[1] * factor), 1), max(round(rgb.shape[0] * factor), 1)))


def _back(rgb: Pixels, like: Pixels) -> Pixels:
    return _resized(rgb, (like.shape[1], like.shape[0]))


def _noisy(rgb: NDArray[np.floating], sigma: float, generator: np.random.Generator) -> Pixels:
    return np.rint(rgb + generator.normal(0, sigma, rgb.shape)).clip(0, 255).astype(np.uint8)


def _blur(sigma: float) -> Spoil:
    def spoil(rgb: Pixels, face: Face, _: np.random.Generator) -> Pixels:
        small = _with_face_of(rgb, face, BLURRED_PX)
        return _back(np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.uint8), rgb)

    return spoil


def _motion(length: int) -> Spoil:
    def spoil(rgb: Pixels, face: Face, generator: np.random.Generator) -> Pixels:
        kernel, middle, angle = np.zeros((length, length)), (length - 1) / 2, generator.uniform(0, np.pi)
        for step in np.linspace(-middle, middle, 8 * length):
            kernel[round(middle + step * np.sin(angle)), round(middle + step * np.cos(angle))] += 1
        small = _with_face_of(rgb, face, BLURRED_PX)
        return _back(np.asarray(cv2.filter2D(small, -1, kernel / kernel.sum()), np.uint8), rgb)

    return spoil


def _enlarged(width_px: float) -> Spoil:
    return lambda rgb, face, _: _back(_with_face_of(rgb, face, min(width_px, _width(face))), rgb)


def _small(width_px: float) -> Spoil:
    return lambda rgb, face, _: _with_face_of(rgb, face, min(width_px, _width(face)))


def _compressed(quality: int) -> Spoil:
    def spoil(rgb: Pixels, face: Face, _: np.random.Generator) -> Pixels:
        written = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]

    return spoil


def _dark(gain: float, sigma: float) -> Spoil:
    """So much of the light, in linear terms, and the sensor's noise."""
    return lambda rgb, _, generator: _noisy(((rgb / 255.0) ** 2.2 * gain) ** (1 / 2.2) * 255, sigma, generator)


def _bright(gain: float) -> Spoil:
    return lambda rgb, _, __: np.rint(255 * ((rgb / 255.0) ** 2.2 * gain).clip(0, 1) ** (1 / 2.2)).astype(np.uint8)


def _covered(centre: float, height: float) -> Spoil:
    """A bar across the face; centre and height in shares of the way from the eyes to the mouth."""

    def spoil(rgb: Pixels, face: Face, generator: np.random.Generator) -> Pixels:
        eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
        across = face.landmarks[1] - face.landmarks[0]
        across = across / max(float(np.linalg.norm(across)), 1e-6) * _width(face) / 2
        middle, half = eyes + (mouth - eyes) * centre, (mouth - eyes) * height / 2
        corners = [middle - across - half, middle + across - half, middle + across + half, middle - across + half]
        covered = np.ascontiguousarray(rgb).copy()
        colour = tuple(int(value) for value in generator.integers(0, 200, 3))
        cv2.fillPoly(covered, [np.rint(corners).astype(np.int32)], colour)
        return covered

    return spoil


DEFECTS: dict[str, Spoil] = {
    "none": lambda rgb, _, __: rgb,
    "blurred by 2 of 80 pixels": _blur(2),
    "blurred by 3 of 80 pixels": _blur(3),
    "blurred by 4 of 80 pixels": _blur(4),
    "moved by 15 of 80 pixels": _motion(15),
    "enlarged from 14 pixels": _enlarged(14),
    "20 pixels wide": _small(20),
    "JPEG of quality 5": _compressed(5),
    "dark and noisy": _dark(0.02, 4),
    "overexposed": _bright(8),
    "eyes covered": _covered(0, 0.6),
    "mouth covered": _covered(1, 1.2),
}
