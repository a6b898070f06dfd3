"""YuNet: one small network that finds faces with five landmarks.

May import core, and what all detectors share.
"""

from facesearch.detection.yunet.detector import Yunet

__all__ = ["Yunet"]
