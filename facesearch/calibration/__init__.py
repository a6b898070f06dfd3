"""What a distance means for a model: false-accept rate, probability, and where that is kept.

May import core.
"""

from facesearch.calibration.calibration import Calibration, MadeFrom, ProbabilityCurve, ramps
from facesearch.calibration.files import (
    CALIBRATION_FILE,
    CALIBRATIONS,
    library_calibration,
    load_calibration,
    model_calibration,
    needed,
    no_calibration,
    outdated_calibration,
    write_library_calibration,
)

__all__ = [
    "CALIBRATIONS",
    "CALIBRATION_FILE",
    "Calibration",
    "MadeFrom",
    "ProbabilityCurve",
    "library_calibration",
    "load_calibration",
    "model_calibration",
    "needed",
    "no_calibration",
    "outdated_calibration",
    "ramps",
    "write_library_calibration",
]
