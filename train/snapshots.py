"""Everything that a run needs to go on where it was: snapshot.pt, replaced at once or not at all.

Batches and augmentations follow from the seed and the step's number (train.samplers), so weights, optimizer, gradient
scaler, random states, and what was best so far are all there is to keep.
"""

from pathlib import Path
from typing import Any

import torch

from facesearch.core.files import replacing
from train.errors import TrainingError

__all__ = ["SNAPSHOT", "read_snapshot", "write_snapshot"]

SNAPSHOT = "snapshot.pt"
_FORMAT = "facesearch-training/1"


def write_snapshot(folder: Path, state: dict[str, Any]) -> None:
    """Raises TrainingError where it cannot be written; the one before is intact then."""
    path = folder / SNAPSHOT
    try:
        with replacing(path) as file:
            torch.save({"format": _FORMAT, **state}, file)
    except (OSError, RuntimeError) as error:  # torch's writer knows no other than RuntimeError
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise TrainingError(
            f"{path} cannot be written ({reason}); the one before is intact: go on with --resume"
        ) from error


def read_snapshot(folder: Path) -> dict[str, Any]:
    """Raises TrainingError where there is none, or it is damaged."""
    path = folder / SNAPSHOT
    if not path.exists():
        raise TrainingError(f"there is no {path} to go on from: start without --resume")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as whatever the reader stumbles over first
        raise TrainingError(f"{path} is damaged: start again in another folder") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise TrainingError(f"{path} is not a snapshot of this version ({_FORMAT}): start again in another folder")
    return state
