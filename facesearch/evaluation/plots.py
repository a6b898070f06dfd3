"""Curves as pictures; needs matplotlib."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.core.extras import how_to_get

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["calibration_plot", "require_matplotlib"]


def require_matplotlib() -> None:
    """Raises InputError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise InputError(f"plots need matplotlib: {how_to_get('matplotlib')}")


def calibration_plot(calibration: Calibration) -> "Figure":
    """False-accept rate and probability over the distance, with the usual thresholds.

    Raises InputError where matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    rates, distances = np.array(calibration.far_curve).T
    left = figure.subplots()
    left.plot(distances, rates, color="tab:red")
    left.set(
        yscale="log", xlabel="L2 distance between unit vectors", ylabel="share of strangers this near", ylim=(1e-6, 1)
    )
    left.yaxis.label.set_color("tab:red")
    right = left.twinx()
    x = np.linspace(0, max(distances), 400)
    right.plot(x, calibration.probability(x), color="tab:blue")
    right.set(ylabel="probability of one person, at even odds before", ylim=(0, 1))
    right.yaxis.label.set_color("tab:blue")
    for far, distance in calibration.thresholds:
        left.axvline(distance, color="grey", linewidth=0.8, linestyle=":")
        left.text(distance, 1.3e-6, f" {far:g}: {distance:.3f}", rotation=90, va="bottom", fontsize=8, color="grey")
    made = calibration.made_from
    left.set_title(f"{calibration.model}, measured on {made.dataset}", fontsize=10)
    return figure
