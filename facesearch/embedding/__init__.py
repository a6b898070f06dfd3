"""Aligned crops -> embeddings: the networks that can be chosen, and where their weights come from.

May import core.
"""

from facesearch.core.device import pick_device
from facesearch.embedding.base import ModelInfo, Network
from facesearch.embedding.registry import (
    DEFAULT_MODEL,
    available,
    download,
    load,
    load_module,
    resolve,
)
from facesearch.embedding.stored_calibration import own_calibration

__all__ = [
    "DEFAULT_MODEL",
    "ModelInfo",
    "Network",
    "available",
    "download",
    "load",
    "load_module",
    "own_calibration",
    "pick_device",
    "resolve",
]
