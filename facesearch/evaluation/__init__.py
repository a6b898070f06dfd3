"""How good it is on labelled photos: verification, identification, clusters, and calibrations to measure.

May import library and everything below it; the metrics are pure functions on arrays.
"""

from facesearch.evaluation.calibration import DistanceHistogram, fit_calibration, split_pairs
from facesearch.evaluation.clustering import ClusteringReport, Scores, bcubed_scores, clustering_report, pairwise_scores
from facesearch.evaluation.datasets import (
    EmbedPhotos,
    Pairs,
    embed_photos,
    pair_distances,
    read_labels,
    read_lfw_pairs,
)
from facesearch.evaluation.identification import recall_at_k
from facesearch.evaluation.labelled import calibrate, calibrate_named, measured_calibration
from facesearch.evaluation.searches import fit_identification
from facesearch.evaluation.verification import (
    FoldAccuracy,
    VerificationReport,
    equal_error_rate,
    kfold_accuracy,
    report_of,
    roc,
    roc_auc,
    tar_at_far,
    verification_report,
)

__all__ = [
    "ClusteringReport",
    "DistanceHistogram",
    "EmbedPhotos",
    "FoldAccuracy",
    "Pairs",
    "Scores",
    "VerificationReport",
    "bcubed_scores",
    "calibrate",
    "calibrate_named",
    "clustering_report",
    "embed_photos",
    "equal_error_rate",
    "fit_calibration",
    "fit_identification",
    "kfold_accuracy",
    "measured_calibration",
    "pair_distances",
    "pairwise_scores",
    "read_labels",
    "read_lfw_pairs",
    "recall_at_k",
    "report_of",
    "roc",
    "roc_auc",
    "split_pairs",
    "tar_at_far",
    "verification_report",
]
