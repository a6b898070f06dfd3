"""The detectors by name: a detector is one module, and one line here."""

from pathlib import Path

from facesearch.core.errors import ModelError
from facesearch.core.settings import DEFAULT_DETECTOR, DetectionConfig, DetectorSpec
from facesearch.detection.detector import Detector, DetectorKind
from facesearch.detection.mtcnn import Mtcnn
from facesearch.detection.onnx_detector import OnnxFile
from facesearch.detection.upright import Upright
from facesearch.detection.yunet import Yunet

__all__ = ["DEFAULT_DETECTOR", "DETECTORS", "load", "resolve"]

DETECTORS: dict[str, DetectorKind] = {
    "yunet": Yunet,
    "mtcnn": Mtcnn,
}


def resolve(name: str) -> DetectorSpec:
    """What identifies the detector of this name, or in this ONNX file. Raises ModelError where there is none."""
    return _kind(name).spec


def load(name: str = DEFAULT_DETECTOR, config: DetectionConfig | None = None, device: str = "cpu") -> Detector:
    """A detector with the search for the upright orientation around it, unless the config says otherwise.

    Args:
        device: "cpu" or another device of PyTorch's, see `facesearch.core.device.pick_device`.

    Raises:
        ModelError: there is no such detector, or its weights are missing or changed.
    """
    config = config or DetectionConfig()
    detector = _kind(name)(config, device)
    return Upright(detector) if config.turned else detector


def _kind(name: str) -> DetectorKind:
    if name in DETECTORS:
        return DETECTORS[name]
    if name.lower().endswith(".onnx"):
        return OnnxFile(Path(name))
    raise ModelError(f"there is no detector {name!r}: use {', '.join(DETECTORS)}, or the path of an .onnx file")
