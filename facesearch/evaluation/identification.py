"""Identification (1:N): whose face is this, among those of a gallery?"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.clustering.neighbours import nearest_neighbours
from facesearch.core.errors import InputError

__all__ = ["recall_at_k"]


def recall_at_k(
    gallery: NDArray[np.float32],
    gallery_labels: ArrayLike,
    probes: NDArray[np.float32],
    probe_labels: ArrayLike,
    k: int = 1,
) -> float:
    """Share of probes with their own person among the k nearest gallery faces; k = 1 is the rank-1 rate.

    A row of NaN is a picture without a face: such a probe is a miss, such a gallery picture is never found.

    Args:
        gallery: (n, d) float32 embeddings.
        gallery_labels: (n,) whose they are.
        probes: (q, d) float32 embeddings, none of them also in the gallery.
        probe_labels: (q,) whose they are.
        k: at least 1.

    Raises:
        InputError: no probes, lengths differ, or a probe's person is not in the gallery and could never be found.
    """
    gallery_people, people = np.asarray(gallery_labels), np.asarray(probe_labels)
    if len(gallery_people) != len(gallery) or len(people) != len(probes) or len(probes) == 0:
        raise InputError("every gallery and probe embedding needs a label, and there must be a probe")
    strangers = np.setdiff1d(people, gallery_people)
    if len(strangers):
        raise InputError(f"{len(strangers)} people are probes but not in the gallery, among them {strangers[0]}")
    in_gallery, usable = ~np.isnan(gallery).any(axis=1), ~np.isnan(probes).any(axis=1)
    ids, _ = nearest_neighbours(gallery[in_gallery], probes[usable], k)
    hits = (gallery_people[in_gallery][ids] == people[usable, None]).any(axis=1)
    return float(hits.sum() / len(probes))
