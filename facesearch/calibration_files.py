"""Where a model's calibration is found: in the library, in this package, or inside the model's own file."""

import json
from dataclasses import replace
from pathlib import Path

from facesearch import networks
from facesearch.config import ModelSpec
from facesearch.distance import Calibration, load_calibration
from facesearch.errors import InputError, LibraryError, WeightsError

__all__ = ["CALIBRATION_FILE", "library_calibration", "model_calibration", "write_library_calibration"]

CALIBRATION_FILE = "calibration.json"


def model_calibration(spec: ModelSpec) -> Calibration | None:
    """The packaged calibration of a model, or the one that training has left in its checkpoint; None without either.

    Raises:
        ModelError, WeightsError: the checkpoint is missing or damaged.
    """
    packaged = load_calibration(spec)
    path = Path(spec.name)
    if packaged is not None or path.suffix != ".safetensors" or not path.is_file():
        return packaged
    from facesearch.networks import checkpoint

    stored = checkpoint.read_header(path).calibration
    # a file cannot hold its own hash: that these are the weights meant is seen from the file, not from its words
    if stored is None or networks.resolve(spec.name).fingerprint != spec.fingerprint:
        return None
    try:
        calibration = Calibration.from_json(json.dumps(stored))
    except InputError as error:
        raise WeightsError(f"{path} has a damaged calibration ({error}): get the file again") from error
    return replace(calibration, model=spec.name, fingerprint=spec.fingerprint)


def library_calibration(folder: Path, spec: ModelSpec) -> Calibration | None:
    """The library's own calibration, else the model's; None if there is neither for exactly this model.

    Raises:
        LibraryError: the library's file is damaged.
        ModelError, WeightsError: as model_calibration.
    """
    own = folder / CALIBRATION_FILE
    if own.is_file():
        try:
            calibration = Calibration.from_json(own.read_text(encoding="utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            raise LibraryError(f"{own} is damaged ({error}): delete it, or calibrate again") from error
        if calibration.fingerprint == spec.fingerprint:
            return calibration
    return model_calibration(spec)


def write_library_calibration(folder: Path, calibration: Calibration) -> None:
    """The library's own from now on; replaced at once or not at all."""
    part = folder / f"{CALIBRATION_FILE}.part"
    part.write_text(calibration.to_json(), encoding="utf-8")
    part.replace(folder / CALIBRATION_FILE)
