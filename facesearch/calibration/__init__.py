"""What a distance means: false-accept rate and probability, and where a model's calibration is kept.

May import core (and, to read a checkpoint's own calibration, embedding).
"""

from facesearch.calibration.calibration import Calibration, MadeFrom, ProbabilityCurve, ramps
from facesearch.calibration.files import (
    CALIBRATION_FILE,
    CALIBRATIONS,
    library_calibration,
    load_calibration,
    model_calibration,
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
    "ramps",
    "write_library_calibration",
]
