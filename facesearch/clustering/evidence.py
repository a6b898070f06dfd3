"""What a distance is worth, from the calibration of the model and the size of the library."""

import numpy as np

from facesearch.calibration import Calibration

__all__ = ["distance_at", "nats_per_squared_distance"]

# No cut is looser than the distance at this rate, and none is stricter than this distance.
LOOSEST_FAR, STRICTEST_DISTANCE = 0.05, 0.05


def distance_at(calibration: Calibration, far: float) -> float:
    """The distance at a false-accept rate, also below the calibration's last: there it goes on with its last slope."""
    smallest, distance = calibration.far_curve[-1]
    if far >= smallest:
        return calibration.threshold(min(far, LOOSEST_FAR))
    rate, further = calibration.far_curve[-2]
    return max(
        distance + float(np.log(far / smallest) / np.log(rate / smallest)) * (further - distance), STRICTEST_DISTANCE
    )


def nats_per_squared_distance(calibration: Calibration) -> float:
    """How steeply the logarithm of the false-accept rate rises with the squared distance, between 1e-4 and 1e-2."""
    wide, narrow = distance_at(calibration, 1e-2), distance_at(calibration, 1e-4)
    return float(np.log(100) / (wide**2 - narrow**2))
