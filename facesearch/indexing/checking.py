"""Whether a library is whole, and what of a damaged one can be made again from its photos."""

from pathlib import Path

from facesearch.calibration.files import damage_of as damage_of_calibration
from facesearch.storage.checking import Damage, damage_in

__all__ = ["check"]


def check(folder: Path) -> list[Damage]:
    """Everything that is wrong with a library; see `facesearch.storage.checking.damage_in`."""
    return damage_in(folder) + [Damage(name, what) for name, what in damage_of_calibration(folder)]
