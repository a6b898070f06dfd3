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
from facesearch.calibration.identification import (
    DEFAULT_FPIR,
    Evidence,
    Identification,
    SearchesFrom,
    answer_log_odds,
)

__all__ = [
    "CALIBRATIONS",
    "CALIBRATION_FILE",
    "DEFAULT_FPIR",
    "Calibration",
    "Evidence",
    "Identification",
    "MadeFrom",
    "ProbabilityCurve",
    "SearchesFrom",
    "answer_log_odds",
    "library_calibration",
    "load_calibration",
    "model_calibration",
    "needed",
    "no_calibration",
    "outdated_calibration",
    "ramps",
    "write_library_calibration",
]
