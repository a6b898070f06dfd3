"""Faces in images: the Detector protocol, and the detectors that can be chosen.

May import core.
"""

from facesearch.detection.detector import Detector
from facesearch.detection.registry import DEFAULT_DETECTOR, DETECTORS, load, resolve
from facesearch.detection.upright import Upright

__all__ = ["DEFAULT_DETECTOR", "DETECTORS", "Detector", "Upright", "load", "resolve"]
