"""Faces in images: the Detector protocol, and the detectors that can be chosen.

May import core.
"""

from facesearch.detection.mtcnn import LIKELY_SCORE, SURE_SCORE, Detector

__all__ = ["LIKELY_SCORE", "SURE_SCORE", "Detector"]
