"""The calibration that training has left in a model's own file."""

from pathlib import Path
from typing import Any

from facesearch.core.settings import ModelSpec
from facesearch.embedding import checkpoint
from facesearch.embedding.registry import resolve

__all__ = ["own_calibration"]


def own_calibration(spec: ModelSpec) -> dict[str, Any] | None:
    """What a checkpoint holds as its calibration, unchecked; None for other models, and where there is none.

    Raises ModelError, WeightsError where the checkpoint is damaged.
    """
    path = Path(spec.name)
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    stored = checkpoint.read_header(path).calibration
    # a file cannot hold its own hash: that these are the weights meant is seen from the file, not from its words
    return stored if stored is not None and resolve(spec.name).fingerprint == spec.fingerprint else None
