"""Aligned crops -> embeddings: the Embedder protocol, the models that can be chosen, where their weights come from.

May import core only. `resolve` says what a name means, `load_embedder` makes it run.
"""

from facesearch.core.device import pick_device
from facesearch.embedding.base import ModelInfo, Network
from facesearch.embedding.embedder import Embedder, NetworkEmbedder
from facesearch.embedding.loading import load_embedder, load_module, load_network
from facesearch.embedding.precision import PRECISIONS, device_for
from facesearch.embedding.registry import DEFAULT_MODEL, available, download, resolve
from facesearch.embedding.stored_calibration import own_calibration

__all__ = [
    "DEFAULT_MODEL",
    "PRECISIONS",
    "Embedder",
    "ModelInfo",
    "Network",
    "NetworkEmbedder",
    "available",
    "device_for",
    "download",
    "load_embedder",
    "load_module",
    "load_network",
    "own_calibration",
    "pick_device",
    "resolve",
]
