"""MTCNN: three networks that find faces from coarse to fine, with five landmarks.

May import core, and what all detectors share.
"""

from facesearch.detection.mtcnn.detector import Mtcnn

__all__ = ["Mtcnn"]
