"""Any face embedder in an ONNX file, run by ONNX Runtime.

The input must be (n, 3, height, width) float32. Without more said it is taken for an ArcFace-type network: RGB,
(value - 127.5) / 128, ArcFace's five points (SphereFace's for 112 high x 96 wide), 112 x 112 where the file leaves the
size open. A TOML file of the same stem beside it (`model.toml` for `model.onnx`) may say otherwise:

    size = [112, 112]               # height, width
    landmarks = [[38.3, 51.7], …]   # five (x, y), pixel centres at whole numbers
    mean = [127.5, 127.5, 127.5]
    std = [127.5, 127.5, 127.5]
    channels = "bgr"
    mirror = true
    licence = "MIT"                 # for people, as is source
    source = "trained by …"
"""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.extras import how_to_get
from facesearch.core.settings import ModelSpec, Preprocessing, preprocessing_from_dict
from facesearch.core.weights import sha256_of
from facesearch.embedding.templates import arcface_template

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OnnxNetwork", "load", "resolve"]

_DEFAULT_SIDE = 112
_FOR_PEOPLE = ("licence", "source")


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


def resolve(path: Path) -> ModelSpec:
    """What the file and the TOML file beside it say; torch is not needed.

    Raises:
        ModelError: there is no such file, it is not a face embedder, or ONNX Runtime is not installed.
        WeightsError: the file is damaged.
        InputError: a setting in the TOML file that cannot be meant.
    """
    path = path.expanduser().resolve()
    session = _open(path, "cpu", optimise=False)
    settings = _read_settings(path.with_suffix(".toml"))
    people = {key: str(settings.pop(key)) for key in _FOR_PEOPLE if key in settings}
    preprocessing = _preprocessing(path, session.get_inputs()[0].shape, settings)
    return ModelSpec(
        name=str(path),
        network="onnx",
        dim=_dim(session, preprocessing.size, path),
        preprocessing=preprocessing,
        weights_sha256=sha256_of(path),
        **people,
    )


def load(spec: ModelSpec, device: str) -> OnnxNetwork:
    """Ready to run on "auto", "cpu" or "cuda".

    Raises:
        ModelError: as resolve.
        InputError: a device that the installed ONNX Runtime does not offer.
    """
    return OnnxNetwork(_open(Path(spec.name), device, optimise=True), spec)


def _open(path: Path, device: str, *, optimise: bool) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"{path.name} needs ONNX Runtime: {how_to_get('onnxruntime')}") from error
    if not path.is_file():
        raise ModelError(f"there is no ONNX file at {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only; its warnings are about the graph's style
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no public base
        raise WeightsError(f"{path} is damaged or not an ONNX file: {str(error).splitlines()[0]}") from error
    if device.startswith("cuda") and "CUDAExecutionProvider" not in session.get_providers():
        raise InputError(f"ONNX Runtime could not start {device}: use --device cpu, or repair onnxruntime-gpu")
    _check_interface(session, path)
    return session


def _providers(device: str, available: list[str]) -> list[str | tuple[str, dict[str, Any]]]:
    kind, _, index = device.partition(":")
    has_cuda = "CUDAExecutionProvider" in available
    if kind == "cuda" and not has_cuda:
        raise InputError(f"the installed ONNX Runtime cannot use {device}: install onnxruntime-gpu or use --device cpu")
    if kind not in ("auto", "cpu", "cuda"):
        raise InputError(f"ONNX files run on cpu or cuda, not on {device}: use --device auto")
    cuda = [("CUDAExecutionProvider", {"device_id": int(index or 0)})] if has_cuda and kind != "cpu" else []
    return [*cuda, "CPUExecutionProvider"]


def _check_interface(session: "onnxruntime.InferenceSession", path: Path) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(f"{path} has {len(inputs)} inputs and {len(outputs)} outputs; a face embedder has one of each")
    shape = inputs[0].shape
    if len(shape) != 4 or _fixed(shape[1]) not in (None, 3) or inputs[0].type != "tensor(float)":
        raise ModelError(f"{path} wants {inputs[0].type} of shape {shape}, not float32 (n, 3, height, width)")


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _preprocessing(path: Path, shape: list[Any], settings: dict[str, Any]) -> Preprocessing:
    fixed = [_fixed(side) for side in shape[2:]]
    size = settings.get("size", [side or _DEFAULT_SIDE for side in fixed])
    defaults: dict[str, Any] = {"size": size, "mean": [127.5] * 3, "std": [128.0] * 3}
    try:
        height, width = size
        if any(side not in (None, wanted) for side, wanted in zip(fixed, (height, width), strict=True)):
            raise InputError(f"{path.name} takes crops of {fixed}, not of size {size}")
        template = arcface_template(height, width)
        if template is None and "landmarks" not in settings:
            raise InputError(f"no landmarks are known for crops of {size}: set landmarks there")
        return preprocessing_from_dict({**defaults, "landmarks": list(template or ()), **settings})
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{path.with_suffix('.toml')}: {error}") from error


def _dim(session: "onnxruntime.InferenceSession", size: tuple[int, int], path: Path) -> int:
    """The output's length: as declared, else tried out."""
    declared = [_fixed(side) for side in session.get_outputs()[0].shape[1:]]
    if declared and None not in declared:
        return int(np.prod([side for side in declared if side]))
    net_input = session.get_inputs()[0]
    try:
        output = session.run(None, {net_input.name: np.zeros((_fixed(net_input.shape[0]) or 1, 3, *size), np.float32)})
    except Exception as error:
        raise ModelError(f"{path} fails on crops of {size}: {str(error).splitlines()[0]}") from error
    return int(output[0][0].size)


def _fixed(side: Any) -> int | None:
    """A dimension's length; None where the file gives it a name or leaves it open."""
    return side if isinstance(side, int) and side > 0 else None
