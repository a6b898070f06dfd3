"""LFW's ten-fold protocol with pictures, for any embedder."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from facesearch import networks
from facesearch.engine import FaceEngine
from facesearch.errors import InputError
from facesearch.evaluation import pair_distances, read_lfw_pairs, report_of
from facesearch.measuring import main_face_embedder
from facesearch.plots import require_matplotlib
from train.curves import distance_figure, roc_figure
from train.validation import PairDistances

__all__ = ["evaluate"]


def evaluate(
    model: str, lfw: Path, pairs_file: Path, plots: Path | None, device: str, tick: Callable[[int, int], None]
) -> dict[str, Any]:
    """Measure a model through the path that users run: decode, detect, align, embed.

    Args:
        plots: a folder for roc_lfw.png and distances_lfw.png; made where it is missing.

    Raises:
        InputError: the files are not LFW, or the pictures cannot be written.
        ModelError: there is no such model.
    """
    if plots is not None:
        require_matplotlib()
        plots.mkdir(parents=True, exist_ok=True)
    pairs = read_lfw_pairs(pairs_file, lfw)
    engine = FaceEngine.load(networks.resolve(model), device)
    distances, without_face = pair_distances(main_face_embedder(engine, tick), pairs)
    if plots is not None:
        _draw(PairDistances(distances, pairs.same), engine.embedder.spec.name, plots)
    report = asdict(report_of(distances, without_face, pairs))
    report["tar_at_far"] = {f"{far:g}": tar for far, tar in report["tar_at_far"].items()}
    return {"model": engine.embedder.spec.name, **report}


def _draw(pairs: PairDistances, model: str, folder: Path) -> None:
    found = ~np.isnan(pairs.distances)
    shown = {Path(model).name: PairDistances(pairs.distances[found], pairs.same[found])}
    try:
        roc_figure(shown, "LFW").savefig(folder / "roc_lfw.png", dpi=120)
        distance_figure(shown, "LFW").savefig(folder / "distances_lfw.png", dpi=120)
    except OSError as error:
        raise InputError(f"the pictures cannot be written into {folder}: {error.strerror}") from error
