"""MTCNN: three networks that find faces from coarse to fine, with five landmarks.

May import core.
"""

from facesearch.detection.mtcnn.detector import LIKELY_SCORE, SURE_SCORE, Detector

__all__ = ["LIKELY_SCORE", "SURE_SCORE", "Detector"]
