"""MTCNN: photos -> faces with box, five landmarks and score."""

from facesearch.detection.detector import LIKELY_SCORE, SURE_SCORE, Detector
from facesearch.detection.faces import Face

__all__ = ["LIKELY_SCORE", "SURE_SCORE", "Detector", "Face"]
