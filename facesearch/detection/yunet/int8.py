"""YuNet in int8 on CPUs: which of its layers, and their activation ranges, measured once and kept.

Only layers across channels: OpenVINO's convolutions within a channel are no faster in int8, and the heads' numbers are
what comes out.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.quantisation import quantise, read_ranges
from facesearch.core.weights import check_sha256
from facesearch.detection.canvases import Picture, canvases
from facesearch.detection.yunet.graph import yunet_graph
from facesearch.detection.yunet.weights import Weights

__all__ = ["CALIBRATION_SIDE", "RANGES", "RANGES_SHA256", "calibration_canvas", "float_layers", "int8_graph"]

# `python -m train quantise data/photos --model yunet-int8` writes it.
RANGES = Path(__file__).parent / "ranges.json"
RANGES_SHA256 = "e6742c120056a80a88d21d419621ccfbb0ba3904d0a7c258debec3a20ee81b75"
# Pixels of the canvas on which photos are measured; the ranges that are kept are from canvases of 320.
CALIBRATION_SIDE = 288


def int8_graph(weights: Weights, height: int, width: int) -> Any:
    """As `yunet_graph`. Raises WeightsError where the ranges are missing or changed."""
    check_sha256(RANGES, RANGES_SHA256)
    graph = yunet_graph(weights, height, width)
    quantise(graph, read_ranges(RANGES))
    return graph


def calibration_canvas(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A whole photo as YuNet sees it. Args: image: (h, w, 3). Returns (288, 288, 3)."""
    scale = min(CALIBRATION_SIDE / max(image.shape[:2]), 1.0)
    canvas = next(canvases(Picture(image), scale)).pixels[:CALIBRATION_SIDE, :CALIBRATION_SIDE]
    filled = np.zeros((CALIBRATION_SIDE, CALIBRATION_SIDE, 3), np.uint8)
    filled[: canvas.shape[0], : canvas.shape[1]] = canvas
    return filled


def float_layers(names: list[str]) -> list[str]:
    """Of the graph's layers, by name, those that stay float32."""
    return [name for name in names if name.endswith(".within") or name.startswith("head")]
