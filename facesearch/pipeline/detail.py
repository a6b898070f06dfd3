"""How much fine detail a face has, by frequency and direction.

An enlarged or blurred picture has no energy in its upper octaves, a moved one none across its movement. Measured
against the coarse structure of the same face, it depends neither on contrast nor on brightness.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "blur"]

# Pixels of the window that is looked at, at the scale of ArcFace's crop (35 pixels between the eyes).
SIDE = 64
# Cycles per window: what every face has, two octaves of detail, and what is hardly more than noise.
COARSE, FINE, FINER, NOISE = (2, 4), (6, 9), (9, 13), (24, 32)
# Directions are looked at one by one between these.
DIRECTED = ((4, 9), (6, 13))
DIRECTIONS = 8
# For each measure the logarithm from which on detail is missing, and nats for each nat of it that is. Of photos as they
# are, 1 in 200 lies beyond one of them, by half a nat.
LIMITS = ((-4.4, 2.0), (-6.0, 1.0), (-4.75, 3.0), (-6.0, 1.6))


def blur(window: NDArray[np.float32]) -> float:
    """Nats of false-accept rate that missing detail is worth; 0 for a sharp face.

    A face of 80 pixels blurred by a Gaussian of 2 pixels has about 2, of 3 pixels 5; moved by 14 pixels 3; one that was
    12 pixels wide and was enlarged 4.

    Args:
        window: (64, 64) float32, grey, see `facesearch.pipeline.quality.face_window`.
    """
    taper, means = _tables()
    power = np.abs(np.fft.rfft2((window - window.mean()) * taper)) ** 2
    coarse, fine, finer, noise, *directed = (power.ravel() @ means).tolist()
    base = _without(coarse, noise)
    if base <= 1e-3:  # an even surface
        return 0.0
    weakest = [min(directed[i : i + DIRECTIONS]) for i in (0, DIRECTIONS)]
    measured = [np.log(_without(energy, noise) / base + 1e-9) for energy in (fine, finer, *weakest)]
    return float(max(slope * (limit - value) for (limit, slope), value in zip(LIMITS, measured, strict=True)))


def _without(energy: float, noise: float) -> float:
    """White noise is alike in all bands; never less than a hundredth of what is there."""
    return max(energy - noise, 0.01 * energy)


@cache
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A taper (64, 64) for the window's edges; for the flat power spectrum (64 * 33,) the means over each band."""
    taper = np.hanning(SIDE + 2)[1:-1]
    y, x = np.meshgrid(np.fft.fftfreq(SIDE) * SIDE, np.fft.rfftfreq(SIDE) * SIDE, indexing="ij")
    radius, angle = np.hypot(x, y), np.mod(np.arctan2(y, x), np.pi)
    masks = [_between(radius, *band) for band in (COARSE, FINE, FINER, NOISE)]
    for band in DIRECTED:
        for step in range(DIRECTIONS):
            off = np.abs(np.mod(angle - step * np.pi / DIRECTIONS + np.pi / 2, np.pi) - np.pi / 2)
            masks.append(_between(radius, *band) & (off < np.pi / DIRECTIONS))
    return np.outer(taper, taper), np.stack([mask.ravel() / mask.sum() for mask in masks], axis=1)


def _between(radius: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return np.asarray((radius >= low) & (radius < high))
