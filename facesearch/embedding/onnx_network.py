"""An embedder in an ONNX file on a GPU, run by ONNX Runtime; see `onnx_file` for what such a file is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.extras import how_to_get
from facesearch.core.settings import ModelSpec

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OnnxNetwork", "load"]


class OnnxNetwork:
    """An ONNX Runtime session as a Network."""

    def __init__(self, session: "onnxruntime.InferenceSession", spec: ModelSpec) -> None:
        self.spec = spec
        self._session = session
        self._input = session.get_inputs()[0]

    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) float32 -> (n, dim) float32, not of unit norm."""
        parts = [np.zeros((0, self.spec.dim), np.float32)]
        step = _fixed(self._input.shape[0]) or max(len(batch), 1)
        for start in range(0, len(batch), step):
            parts.append(self._run(batch[start : start + step], step))
        return np.concatenate(parts)

    def _run(self, batch: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
        # A file with a fixed batch size gets the last batch filled up with zeros.
        fill = step - len(batch) if _fixed(self._input.shape[0]) else 0
        filled = np.concatenate([batch, np.zeros((fill, *batch.shape[1:]), np.float32)]) if fill else batch
        output = self._session.run(None, {self._input.name: filled})[0]
        return np.asarray(output, np.float32).reshape(len(filled), -1)[: len(batch)]


def load(spec: ModelSpec, device: str) -> OnnxNetwork:
    """Ready to run on "cuda" or "cuda:1".

    Raises:
        ModelError: ONNX Runtime is not installed.
        WeightsError: it cannot read the file.
        InputError: a device that the installed ONNX Runtime does not offer.
    """
    return OnnxNetwork(_open(Path(spec.name), device), spec)


def _open(path: Path, device: str) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"{path.name} on {device} needs ONNX Runtime: {how_to_get('onnxruntime')}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only; its warnings are about the graph's style
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no public base
        raise WeightsError(f"{path} is damaged or not an ONNX file: {str(error).splitlines()[0]}") from error
    if "CUDAExecutionProvider" not in session.get_providers():
        raise InputError(f"ONNX Runtime could not start {device}: use --device cpu, or repair onnxruntime-gpu")
    return session


def _providers(device: str, available: list[str]) -> list[str | tuple[str, dict[str, Any]]]:
    kind, _, index = device.partition(":")
    if kind != "cuda":
        raise InputError(f"ONNX files run on the CPU or on cuda, not on {device}: use --device cpu")
    if "CUDAExecutionProvider" not in available:
        raise InputError(f"the installed ONNX Runtime cannot use {device}: install onnxruntime-gpu or use --device cpu")
    # without TensorFloat-32, as in `facesearch.core.torch_device`
    return [("CUDAExecutionProvider", {"device_id": int(index or 0), "use_tf32": 0}), "CPUExecutionProvider"]


def _fixed(side: Any) -> int | None:
    """A dimension's length; None where the file gives it a name or leaves it open."""
    return side if isinstance(side, int) and side > 0 else None
