"""Where a model's calibration is found: in the library, in this package, or inside the model's own file."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from facesearch.calibration.calibration import Calibration
from facesearch.core.errors import InputError, LibraryError, WeightsError
from facesearch.core.files import FILE_MODE, replace_file, require_file
from facesearch.core.settings import ModelSpec

__all__ = [
    "CALIBRATIONS",
    "CALIBRATION_FILE",
    "damage_of",
    "library_calibration",
    "load_calibration",
    "model_calibration",
    "needed",
    "no_calibration",
    "outdated_calibration",
    "require_calibration",
    "write_calibration",
    "write_library_calibration",
]

CALIBRATION_FILE = "calibration.json"
CALIBRATIONS = Path(__file__).parent / "models"
# A model -> the calibration in its own file, as JSON; None where there is none.
OwnCalibration = Callable[[ModelSpec], Mapping[str, Any] | None]


def model_calibration(spec: ModelSpec, own: OwnCalibration = lambda _: None) -> Calibration | None:
    """The packaged calibration of a model, or the one in its own file; None without either.

    Args:
        own: reads the model's own file, see `facesearch.embedding.own_calibration`.

    Raises:
        WeightsError: the model's own file has a damaged one. Whatever `own` raises.
    """
    packaged = load_calibration(spec)
    stored = own(spec) if packaged is None else None
    if stored is None:
        return packaged
    try:
        calibration = Calibration.from_json(json.dumps(stored))
    except InputError as error:
        raise WeightsError(f"{spec.name} has a damaged calibration ({error}): get the file again") from error
    return replace(calibration, model=spec.name, fingerprint=spec.fingerprint)


def library_calibration(folder: Path, spec: ModelSpec, own: OwnCalibration = lambda _: None) -> Calibration | None:
    """The library's own calibration, else the model's; None if there is neither for exactly this model.

    Args:
        own: as of `model_calibration`.

    Raises:
        LibraryError: the library's file is damaged.
        ModelError, WeightsError: as model_calibration.
    """
    file = folder / CALIBRATION_FILE
    if os.path.lexists(file):
        try:
            require_file(file)
            calibration = Calibration.from_json(file.read_text(encoding="utf-8"))
        except (OSError, InputError, UnicodeDecodeError) as error:
            raise LibraryError(f"{file} is damaged ({error}): delete it, or calibrate again") from error
        if _is_of(calibration, spec):
            return calibration
    return model_calibration(spec, own)


def damage_of(folder: Path) -> list[tuple[str, str]]:
    """What is wrong with the library's own calibration, as (file, what); none is no damage."""
    file = folder / CALIBRATION_FILE
    try:
        if os.path.lexists(file):
            require_file(file)
            Calibration.from_json(file.read_text(encoding="utf-8"))
    except (OSError, InputError, UnicodeDecodeError) as error:
        return [(CALIBRATION_FILE, f"cannot be read: {error}")]
    return []


def outdated_calibration(folder: Path, spec: ModelSpec) -> str:
    """What to know where the library's own calibration is another model's, and so is not used; "" where it is not."""
    file = folder / CALIBRATION_FILE
    try:
        own = Calibration.from_json(file.read_text(encoding="utf-8"))
    except (OSError, InputError, UnicodeDecodeError):  # there is none, or `library_calibration` says what is wrong
        return ""
    if _is_of(own, spec):
        return ""
    return (
        f"the library's own calibration is for {own.model} and is not used with {spec.name}: make another with"
        " `facesearch calibrate`"
    )


def needed(calibration: Calibration | None) -> Calibration:
    """A library's calibration. Raises InputError where nobody has measured what its distances mean."""
    if calibration is None:
        raise InputError("this needs to know what distances mean: run `facesearch calibrate FOLDER` first")
    return calibration


def no_calibration(spec: ModelSpec, otherwise: str) -> str:
    """What to tell a user of a model whose distances nobody has measured."""
    return (
        f"no threshold is known for the model {spec.name}: {otherwise} make one with"
        f" `facesearch calibrate FOLDER --model {spec.name}` (a folder for each person)"
    )


def write_library_calibration(folder: Path, calibration: Calibration) -> None:
    """The library's own from now on; replaced at once or not at all, and on the medium when this returns."""
    replace_file(folder / CALIBRATION_FILE, calibration.to_json().encode(), mode=FILE_MODE)


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Into a file that a user has named. Raises InputError where that cannot be, see `require_calibration`."""
    require_calibration(path)
    try:
        path.write_text(calibration.to_json(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def require_calibration(path: Path) -> None:
    """Raises InputError where a calibration cannot go into this file, or would go over something else."""
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    if not path.is_file():
        return
    try:
        held = path.read_text(encoding="utf-8")
        if held:
            Calibration.from_json(held)
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise InputError(f"{path} is there already and holds no calibration: name a new file") from error


def load_calibration(spec: ModelSpec) -> Calibration | None:
    """The packaged calibration of a model, for every precision; None where there is none for exactly these weights."""
    path = CALIBRATIONS / f"{spec.name}.json"
    if not re.fullmatch(r"[a-z0-9+-]+", spec.name) or not path.is_file():  # a name may also be the path of a model
        return None
    calibration = Calibration.from_json(path.read_text(encoding="utf-8"))
    return calibration if _is_of(calibration, spec) else None


def _is_of(calibration: Calibration, spec: ModelSpec) -> bool:
    """Made with this model, be it in float32: int8 and float16 move distances by less than measuring does."""
    return calibration.fingerprint in (spec.fingerprint, spec.in_float32.fingerprint)
