"""torchvision's compiled operators without its Python package.

Importing torchvision.ops imports its models, data sets and torch's compiler: two seconds, more than all the rest of a
query. The operators themselves lie in one library, which registers them with torch when it is loaded.
"""

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["nms", "roi_align"]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Rows of the boxes (n, 4) that no better one overlaps by more than a threshold, best first; as torchvision's."""
    return _registered().nms(boxes, scores, iou_threshold)  # type: ignore[no-any-return]


def roi_align(
    images: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], scale: float, samples: int, *, aligned: bool
) -> Tensor:
    """Crops of images (n, c, h, w): for each the boxes (m, 4), at a scale; (sum of m, c, *size); as torchvision's."""
    images_of = [torch.full_like(some[:, :1], row) for row, some in enumerate(boxes)]
    rows = torch.cat([torch.cat(pair, dim=1) for pair in zip(images_of, boxes, strict=True)])
    return _registered().roi_align(images, rows, scale, *size, samples, aligned)  # type: ignore[no-any-return]


@cache
def _registered() -> Any:
    """The operators, loaded from the installed torchvision; imported as usual if its library is not where it was."""
    package = importlib.util.find_spec("torchvision")
    folders = package.submodule_search_locations if package is not None else None
    libraries = [
        path for folder in folders or () for path in Path(folder).glob("_C*") if path.suffix in (".so", ".pyd")
    ]
    if len(libraries) == 1:
        torch.ops.load_library(libraries[0])
    else:
        importlib.import_module("torchvision")
    return torch.ops.torchvision
