"""P-Net on every scale of a batch of images.

The images' scales are cut into bands of one height and laid end to end on a tape, which P-Net sees tile by tile, all
of one shape: memory does not depend on the size of the photos, and nothing is compiled anew for each of their sizes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig
from facesearch.detection.mtcnn.candidates import Candidates, nms_by_union, regressed
from facesearch.detection.mtcnn.cascade import PNET_COLUMNS, PNET_ROWS, Cascade
from facesearch.detection.mtcnn.pyramid import OUTSIDE, PNET_WINDOW, Pyramid, scales

__all__ = ["propose"]

PNET_STRIDE = 2
# Overlaps above which the weaker of two boxes goes, as in the authors' MATLAB code: per scale, per image.
NMS_SCALE, NMS_IMAGE = 0.5, 0.7
# What a tile's windows reach beyond their first pixels.
MARGIN = PNET_WINDOW - PNET_STRIDE
TILE_HEIGHT, TILE_STEP = PNET_ROWS * PNET_STRIDE + MARGIN, PNET_COLUMNS * PNET_STRIDE
TILES_AT_ONCE = 64


@dataclass(frozen=True)
class _Band:
    """Some rows of an image at one scale.

    pixels: (h, w, 3), of even sides.
    scale: number of the image's scale in the batch.
    top: row of P-Net's windows that is its first.
    """

    pixels: NDArray[np.float32]
    image: int
    scale: int
    ratio: tuple[float, float]
    top: int

    @property
    def windows(self) -> tuple[int, int]:
        """Rows and columns of P-Net's windows that lie in it."""
        return _windows(self.pixels.shape[0]), _windows(self.pixels.shape[1])

    @property
    def columns(self) -> int:
        """Its room on the tape, in windows."""
        return int(self.pixels.shape[1]) // PNET_STRIDE


def propose(
    cascade: Cascade, pyramids: Sequence[Pyramid], min_face_px: Sequence[float], config: DetectionConfig
) -> Candidates:
    """Where P-Net sees a face of at least min_face_px; image by image."""
    bands = _bands(pyramids, min_face_px, config.pyramid_factor)
    if not bands:
        return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    threshold = config.thresholds[0]
    hits, values = _hits(cascade, bands, math.log(threshold / (1 - threshold)))
    band = hits[:, 0]
    corner = np.stack([hits[:, 2], hits[:, 1] + np.array([b.top for b in bands])[band]], axis=1) * PNET_STRIDE
    ratio = np.array([b.ratio * 2 for b in bands], np.float32)[band]
    windows = np.concatenate([corner, corner + PNET_WINDOW], axis=1).astype(np.float32) / ratio
    scores = (1 / (1 + np.exp(-values[:, 0]))).astype(np.float32)
    scale, image = (row[band] for row in np.array([(b.scale, b.image) for b in bands]).T)
    keep = nms_by_union(windows, scores, scale, NMS_SCALE)
    boxes = regressed(windows[keep], values[keep, 1:])
    found = Candidates(boxes, scores[keep], image[keep])
    return found.take(nms_by_union(found.boxes, found.scores, found.image, NMS_IMAGE))


def _windows(side: int) -> int:
    """How many of P-Net's windows there are along an even side."""
    return (side - MARGIN) // PNET_STRIDE


def _bands(pyramids: Sequence[Pyramid], min_face_px: Sequence[float], factor: float) -> list[_Band]:
    bands: list[_Band] = []
    scale_number = 0
    for image, (pyramid, size) in enumerate(zip(pyramids, min_face_px, strict=True)):
        for scale in scales(pyramid.size, size, factor):
            pixels, ratio = pyramid.resized(scale)
            # The last odd row and column go, so that what P-Net pools is always there as a whole.
            pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
            for top in range(0, _windows(pixels.shape[0]), PNET_ROWS):
                band = pixels[top * PNET_STRIDE :][:TILE_HEIGHT]
                bands.append(_Band(band, image, scale_number, ratio, top))
            scale_number += 1
    return bands


def _hits(cascade: Cascade, bands: Sequence[_Band], log_odds: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Windows that may be faces, band by band: (n, 3) of band, row and column, and (n, 5) of what P-Net says."""
    starts = np.cumsum([0, *(band.columns for band in bands)])
    sizes = np.array([band.windows for band in bands])
    count = -(-int(starts[-1]) // PNET_COLUMNS)
    hits, values = [], []
    for first in range(0, count, TILES_AT_ONCE):
        maps = cascade.pnet(_tiles(bands, starts, first, min(TILES_AT_ONCE, count - first)))
        tile, row, column = np.nonzero(maps[:, 0] >= log_odds)
        along = (tile + first) * PNET_COLUMNS + column
        band = np.minimum(np.searchsorted(starts, along, side="right"), len(bands)) - 1
        x = along - starts[band]
        inside = (row < sizes[band, 0]) & (x < sizes[band, 1])
        hits.append(np.stack([band, row, x], axis=1)[inside])
        values.append(maps[tile, :, row, column][inside])
    found = np.concatenate(hits)
    order = np.lexsort(found.T[::-1])  # so that ties fall alike, wherever a tile happens to end
    return found[order], np.concatenate(values)[order]


def _tiles(bands: Sequence[_Band], starts: NDArray[np.int64], first: int, count: int) -> NDArray[np.float32]:
    """(count, TILE_HEIGHT, TILE_STEP + MARGIN, 3): views of the tape that overlap by what a window reaches over."""
    left, width = first * TILE_STEP, count * TILE_STEP + MARGIN
    tape = np.full((TILE_HEIGHT, width, 3), OUTSIDE, np.float32)
    for band, start in zip(bands, starts * PNET_STRIDE - left, strict=False):
        pixels = band.pixels[:, max(-start, 0) : max(width - start, 0)]
        rows, columns, _ = pixels.shape
        if columns:
            tape[:rows, max(start, 0) :][:, :columns] = pixels
    view = np.lib.stride_tricks.sliding_window_view(tape, TILE_STEP + MARGIN, axis=1)[:, ::TILE_STEP]
    return view.transpose(1, 0, 3, 2)
