"""Where a model's calibration is found: in the library, in this package, or inside the model's own file."""

import json
import re
from dataclasses import replace
from pathlib import Path

from facesearch.calibration.calibration import Calibration
from facesearch.core.errors import InputError, LibraryError, WeightsError
from facesearch.core.files import FILE_MODE, replace_file
from facesearch.core.settings import ModelSpec

__all__ = [
    "CALIBRATIONS",
    "CALIBRATION_FILE",
    "library_calibration",
    "load_calibration",
    "model_calibration",
    "write_library_calibration",
]

CALIBRATION_FILE = "calibration.json"
CALIBRATIONS = Path(__file__).parent / "models"


def model_calibration(spec: ModelSpec) -> Calibration | None:
    """The packaged calibration of a model, or the one that training has left in its checkpoint; None without either.

    Raises:
        ModelError, WeightsError: the checkpoint is missing or damaged.
    """
    packaged = load_calibration(spec)
    path = Path(spec.name)
    if packaged is not None or path.suffix != ".safetensors" or not path.is_file():
        return packaged
    from facesearch.embedding import checkpoint, resolve

    stored = checkpoint.read_header(path).calibration
    # a file cannot hold its own hash: that these are the weights meant is seen from the file, not from its words
    if stored is None or resolve(spec.name).fingerprint != spec.fingerprint:
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
    """The library's own from now on; replaced at once or not at all, and on the medium when this returns."""
    replace_file(folder / CALIBRATION_FILE, calibration.to_json().encode(), mode=FILE_MODE)


def load_calibration(spec: ModelSpec) -> Calibration | None:
    """The packaged calibration of a model; None where there is none for exactly these weights and preprocessing."""
    path = CALIBRATIONS / f"{spec.name}.json"
    if not re.fullmatch(r"[a-z0-9-]+", spec.name) or not path.is_file():  # a name may also be the path of a model
        return None
    calibration = Calibration.from_json(path.read_text(encoding="utf-8"))
    return calibration if calibration.fingerprint == spec.fingerprint else None
