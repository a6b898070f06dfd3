"""An embedder in an ONNX file on a GPU, run by ONNX Runtime; see `onnx_file` for what such a file is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.extras import how_to_get
from facesearch.core.settings import ModelSpec
from facesearch.embedding.onnx_file import channels_last

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OnnxNetwork", "load"]


class OnnxNetwork:
    """An ONNX Runtime session as a Network."""

    def __init__(
        self, session: "onnxruntime.InferenceSession", spec: ModelSpec, batch: int | None, is_last: bool
    ) -> None:
        """Args: batch: how many crops are given at once, None for any number; is_last: whether their channels are."""
        self.spec = spec
        self._session = session
        self._input = session.get_inputs()[0]
        self._batch = batch
        self._is_last = is_last

    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) float32 -> (n, dim) float32, not of unit norm."""
        parts = [np.zeros((0, self.spec.dim), np.float32)]
        step = self._batch or max(len(batch), 1)
        for start in range(0, len(batch), step):
            parts.append(self._run(batch[start : start + step]))
        return np.concatenate(parts)

    def _run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        # A file with a fixed batch size gets the last batch filled up with zeros.
        fill = max((self._batch or 0) - len(batch), 0)
        filled = np.concatenate([batch, np.zeros((fill, *batch.shape[1:]), np.float32)]) if fill else batch
        if self._is_last:
            filled = np.ascontiguousarray(filled.transpose(0, 2, 3, 1))
        output = self._session.run(None, {self._input.name: filled})[0]
        return np.asarray(output, np.float32).reshape(len(filled), -1)[: len(batch)]


def load(spec: ModelSpec, device: str) -> OnnxNetwork:
    """Ready to run on "cuda" or "cuda:1".

    Raises:
        ModelError: ONNX Runtime is not installed, or fails on crops.
        WeightsError: it cannot read the file.
        InputError: a device that the installed ONNX Runtime does not offer.
    """
    path = Path(spec.name)
    session = _open(path, device)
    is_last = channels_last(path, spec.preprocessing.size)
    return OnnxNetwork(session, spec, _batch(session, spec, is_last), is_last)


def _batch(session: "onnxruntime.InferenceSession", spec: ModelSpec, is_last: bool) -> int | None:
    """How many crops it takes at once, None for any number: two are tried, together and alone. Raises ModelError."""
    fixed = _fixed(session.get_inputs()[0].shape[0])
    if fixed is not None:
        return fixed
    crops = np.random.default_rng(0).uniform(-1, 1, (2, 3, *spec.preprocessing.size)).astype(np.float32)
    try:
        alone = OnnxNetwork(session, spec, 1, is_last)(crops)
    except Exception as error:  # ONNX Runtime's own exceptions have no public base
        raise ModelError(f"{spec.name} fails on crops of {spec.preprocessing.size}: {_reason(error)}") from error
    try:
        together = OnnxNetwork(session, spec, None, is_last)(crops)
    except Exception:
        return 1
    return None if np.allclose(together, alone, rtol=1e-2, atol=1e-2 * float(np.abs(alone).max())) else 1


def _open(path: Path, device: str) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"{path.name} on {device} needs ONNX Runtime: {how_to_get('onnxruntime')}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors come as exceptions, and warnings are about the graph's style
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no public base
        raise WeightsError(f"{path} is damaged or not an ONNX file: {_reason(error)}") from error
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


def _reason(error: Exception) -> str:
    """What ONNX Runtime says, without its numbers before."""
    return (str(error).splitlines() or [""])[0].split(" : ")[-1][:200] or "ONNX Runtime says no more"


def _fixed(side: Any) -> int | None:
    """A dimension's length; None where the file gives it a name or leaves it open."""
    return side if isinstance(side, int) and side > 0 else None
