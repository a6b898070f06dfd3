"""The embedding networks, and where their weights come from.

`resolve` says what a name means (a ModelSpec, without importing torch), `load` makes the network run:

    network = load(resolve("dlib"))
    raw_embeddings = network(batch)
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

__all__ = [
    "DEFAULT_MODEL",
    "ModelInfo",
    "Network",
    "available",
    "download",
    "load",
    "load_module",
    "pick_device",
    "resolve",
]
