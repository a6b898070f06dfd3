"""YuNet: one small network that finds faces with five landmarks.

May import core, and what all detectors share.
"""

from facesearch.detection.yunet.detector import Yunet, YunetInt8

__all__ = ["Yunet", "YunetInt8"]
