"""The calibration that training has left in a model's own file."""

from pathlib import Path
from typing import Any

from facesearch.core.settings import ModelSpec
from facesearch.embedding import checkpoint
from facesearch.embedding.registry import WITH_DLIB, resolve

__all__ = ["own_calibration"]


def own_calibration(spec: ModelSpec) -> dict[str, Any] | None:
    """What a checkpoint holds as its calibration, or as that of FILE+dlib, unchecked.

    None for other models, and where there is none.

    Raises ModelError, WeightsError where the checkpoint is damaged.
    """
    combination = spec.name.endswith(WITH_DLIB)
    path = Path(spec.name.removesuffix("+dlib") if combination else spec.name)
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    header = checkpoint.read_header(path)
    stored = header.with_dlib if combination else header.calibration
    # a file cannot hold its own hash: that these are the weights meant is seen from the file, not from its words
    return stored if stored is not None and resolve(spec.name).fingerprint == spec.fingerprint else None
