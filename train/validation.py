"""What the embedding is worth on people whom training has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch import embedding
from facesearch.calibration import Calibration
from facesearch.core.distance import l2_matrix
from facesearch.core.errors import InputError
from facesearch.core.executor import ThreadExecutor
from facesearch.core.settings import ModelSpec
from facesearch.detection import DEFAULT_DETECTOR
from facesearch.detection import load as load_detector
from facesearch.embedding import Embedder, NetworkEmbedder
from facesearch.evaluation import (
    DistanceHistogram,
    Pairs,
    equal_error_rate,
    fit_calibration,
    kfold_accuracy,
    pair_distances,
    roc_auc,
    split_pairs,
    tar_at_far,
)
from facesearch.pipeline.pipeline import Pipeline
from train.augmentation import Augmentation
from train.config import AugmentConfig
from train.dataset import FaceSet, load_crop, read_pixels
from train.looking import NoNetwork

__all__ = ["HeldOut", "LfwPairs", "PairDistances", "Scores", "pairs_of"]

FAR = 1e-3
# Of the held-out crops that are varied: the same in every run.
VARIED_SEED = 7
# A seeded sample of the pairs of strangers; there are n² / 2 of them.
STRANGERS_AT_MOST = 2_000_000


@dataclass(frozen=True)
class Scores:
    """Verification on pairs. tar: true accepts at FAR 1e-3. accuracy: at the best threshold (LFW: the ten folds')."""

    auc: float
    tar: float
    eer: float
    accuracy: float

    def to_dict(self) -> dict[str, float]:
        return {key: round(value, 5) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class PairDistances:
    """Pairs: their L2 distances (n,) float64, and whether each is of one person, (n,) bool.

    people: (n, 2) int64, whose the two are, counted from 0; None where that is not known.
    """

    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    people: NDArray[np.int64] | None = None

    def scores(self) -> Scores:
        d, same = self.distances, self.same
        return Scores(roc_auc(d, same), tar_at_far(d, same, FAR), equal_error_rate(d, same), _best_accuracy(d, same))


def _best_accuracy(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Mean of the shares of same and of different pairs that the best threshold gets right."""
    order = np.argsort(distances, kind="stable")
    accepted = np.cumsum(same[order]) / same.sum() - np.cumsum(~same[order]) / (~same).sum()
    return float((1 + accepted.max()) / 2)


def pairs_of(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> PairDistances:
    """All pairs of one person, and those of strangers, or a seeded sample of them.

    Args:
        embeddings: (n, d) float32; n² distances must fit into memory.
        labels: (n,) people, counted from 0.
    """
    rows, columns = np.triu_indices(len(embeddings), 1)
    same = labels[rows] == labels[columns]
    distances = l2_matrix(embeddings, embeddings)[rows, columns]
    strangers = np.flatnonzero(~same)
    if len(strangers) > STRANGERS_AT_MOST:
        strangers = np.random.default_rng(0).choice(strangers, STRANGERS_AT_MOST, replace=False)
    chosen = np.concatenate([np.flatnonzero(same), strangers])
    return PairDistances(distances[chosen], same[chosen], np.stack([labels[rows], labels[columns]], axis=1)[chosen])


class HeldOut:
    """The people kept out of training: their crops are made once, and embedded as the product embeds them."""

    def __init__(
        self, faces: FaceSet, spec: ModelSpec, varied: float = 0.0, augment: AugmentConfig | None = None
    ) -> None:
        """Args: varied: share of the crops, drawn with a fixed seed, that are varied as `augment` says.

        Raises TrainingError where an image cannot be read.
        """
        vary = Augmentation(augment or AugmentConfig(), spec.preprocessing)
        drawn = np.random.default_rng(VARIED_SEED).random(len(faces)) < varied

        def crop(i: int) -> NDArray[np.uint8]:
            image = faces.images[i]
            if drawn[i]:
                return vary(read_pixels(image), image.landmarks, (VARIED_SEED, i))
            return load_crop(image, spec.preprocessing)

        self._crops = list(ThreadExecutor().map(crop, range(len(faces))))
        self._labels = faces.labels
        kind = f", {drawn.sum()} of them varied" if drawn.any() else ""
        self._what = f"{len(faces)} crops{kind} of {len(faces.people)} people kept out of training"

    def embed(self, embedder: Embedder) -> NDArray[np.float32]:
        """(n, d) float32, unit L2 norm."""
        return embedder.embed(self._crops)

    def pairs(self, embeddings: NDArray[np.float32]) -> PairDistances:
        """All pairs of one person, and those of strangers, or a seeded sample of them."""
        return pairs_of(embeddings, self._labels)

    def calibration(self, embeddings: NDArray[np.float32], spec: ModelSpec) -> Calibration | None:
        """What the distances mean, from these people; None where they are too few to say."""
        same, different = split_pairs(embeddings, self._labels)
        return _fitted(spec, same, different, self._what)


def _fitted(
    spec: ModelSpec, same: NDArray[np.float64], different: DistanceHistogram, dataset: str
) -> Calibration | None:
    how = "every crop; all pairs of different people, at most 100 pairs of each person"
    try:
        return fit_calibration(spec, same, different, dataset=dataset, how=how)
    except InputError:  # too few pairs, or an embedding that tells nobody apart
        return None


class LfwPairs:
    """LFW's ten folds, through detection and alignment once, and then embedded again and again."""

    def __init__(
        self,
        pairs: Pairs,
        spec: ModelSpec,
        device: str,
        tick: Callable[[int, int], None],
        detector: str = DEFAULT_DETECTOR,
    ) -> None:
        """Args: spec says how crops are made. Raises ModelError where the detector is not there."""
        self._pairs = pairs
        place = embedding.pick_device(device)
        embedder = NetworkEmbedder(NoNetwork(spec.preprocessing))
        pipeline = Pipeline(embedder, load_detector(detector, device=place), device=place)
        self._crops: dict[Path, NDArray[np.uint8]] = {}
        photos = pairs.photos
        for done, (photo, face) in enumerate(zip(photos, pipeline.main_faces(map(str, photos)), strict=True), start=1):
            tick(done, len(photos))
            if face is not None and face.crop is not None:
                self._crops[photo] = face.crop

    def scores(self, embedder: Embedder) -> tuple[Scores, PairDistances]:
        """Missed faces are errors. Accuracy is the mean of the ten folds."""

        def embed(photos: Sequence[Path]) -> list[NDArray[np.float32] | None]:
            there = [photo for photo in photos if photo in self._crops]
            vectors = dict(zip(there, embedder.embed([self._crops[photo] for photo in there]), strict=True))
            return [vectors.get(photo) for photo in photos]

        distances, _ = pair_distances(embed, self._pairs)
        same = self._pairs.same
        pairs = PairDistances(distances, same)
        folds = kfold_accuracy(distances, same, self._pairs.folds)
        return replace(pairs.scores(), accuracy=folds.mean), pairs
