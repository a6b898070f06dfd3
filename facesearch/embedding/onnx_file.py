"""Any face embedder in an ONNX file; OpenVINO reads it and runs it on CPUs.

The input must be (n, 3, height, width) or (n, height, width, 3) float32. What the file declares is tried out when it
is named: a graph that computes one face only, whatever it says of its batch, gets one at a time.

Without more said it is taken for an ArcFace-type network: RGB, (value - 127.5) / 128, ArcFace's five points
(SphereFace's for 112 high x 96 wide), 112 x 112 where the file leaves the size open. A TOML file of the same stem
beside it (`model.toml` for `model.onnx`) may say otherwise:

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
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.openvino_cpu import CompiledNetwork, read_onnx
from facesearch.core.paths import resolved
from facesearch.core.settings import ModelSpec, Preprocessing, preprocessing_from_dict
from facesearch.core.weights import sha256_of
from facesearch.embedding.compiled import Body
from facesearch.embedding.templates import arcface_template

__all__ = ["batch_size", "channels_last", "onnx_body", "resolve"]

Floats = npt.NDArray[np.float32]
_DEFAULT_SIDE = 112
_FOR_PEOPLE = ("licence", "source")
# What OpenVINO says of an operation that it does not know.
_UNKNOWN = "No conversion rule found for operations"


def resolve(path: Path) -> ModelSpec:
    """What the file and the TOML file beside it say.

    Raises:
        ModelError: there is no such file, it is not a face embedder, or OpenVINO cannot compute it.
        WeightsError: the file is damaged.
        InputError: a setting in the TOML file that cannot be meant.
    """
    path = resolved(path)
    graph = _read(path)
    settings = _read_settings(path.with_suffix(".toml"))
    people = {key: str(settings.pop(key)) for key in _FOR_PEOPLE if key in settings}
    preprocessing = _preprocessing(path, _sides(graph), settings)
    return ModelSpec(
        name=str(path),
        network="onnx",
        dim=_tried(path, path.stat().st_mtime_ns, preprocessing.size).dim,
        preprocessing=preprocessing,
        weights_sha256=sha256_of(path),
        **people,
    )


def batch_size(path: Path, size: tuple[int, int], otherwise: int) -> int:
    """How many crops the file's network takes at once; otherwise, where it takes any number. Raises as resolve.

    Args: size: (height, width) of the crops.
    """
    return _tried(path, path.stat().st_mtime_ns, size).batch or otherwise


def channels_last(path: Path, size: tuple[int, int]) -> bool:
    """Whether the file's network wants (n, height, width, 3). Raises as resolve."""
    return _reshaped(path, batch_size(path, size, 1), size)[1]


def onnx_body(path: Path) -> Body:
    """The network inside a larger graph; one of a fixed batch size is repeated as often as there are batches.

    The body raises ModelError, WeightsError as resolve.
    """

    def body(op: Any, x: Any) -> Any:
        size = batch_size(path, (x.shape[2], x.shape[3]), x.shape[0])
        outputs = []
        for start in range(0, x.shape[0], size):
            part = x if size == x.shape[0] else op.slice(x, [start], [start + size], [1], [0])
            output = _spliced(op, path, part)
            outputs.append(op.reshape(output, np.array([size, -1]), False))
        return outputs[0] if len(outputs) == 1 else op.concat(outputs, 0)

    return body


def _spliced(op: Any, path: Path, x: Any) -> Any:
    """The network's output, with x in the place of its input."""
    graph, is_last = _reshaped(path, x.shape[0], (x.shape[2], x.shape[3]))
    (source,), (result,) = graph.get_parameters(), graph.get_results()
    if is_last:
        x = op.transpose(x, [0, 2, 3, 1])
    for target in source.output(0).get_target_inputs():
        target.replace_source_output(x.output(0))
    return result.input_value(0)


def _reshaped(path: Path, batch: int, size: tuple[int, int]) -> tuple[Any, bool]:
    """The graph for a batch of crops, and whether their channels come last."""
    graph = _read(path)
    is_last = _is_last(graph)
    failed: RuntimeError | None = None
    # a file that leaves all lengths open takes the one or the other
    for last in (is_last,) if is_last is not None else (False, True):
        try:
            graph.reshape([batch, *size, 3] if last else [batch, 3, *size])
            return graph, last
        except RuntimeError as error:
            failed = failed or error
            graph = _read(path)
    assert failed is not None
    raise ModelError(f"{path} fails on crops of {size}: {_reason(failed)}") from failed


def _is_last(graph: Any) -> bool | None:
    """Whether the channels come last; None where the file leaves that open."""
    _, first, _, last = _shape(graph.input(0))
    return None if first is None and last is None else first != 3 and last == 3


def _sides(graph: Any) -> list[int | None]:
    """Height and width, as far as the file says."""
    shape = _shape(graph.input(0))
    return shape[1:3] if _is_last(graph) else shape[2:]


def _read(path: Path) -> Any:
    if not path.is_file():
        raise ModelError(f"there is no ONNX file at {path}")
    try:
        graph = read_onnx(path)
    except RuntimeError as error:
        if _UNKNOWN in str(error):
            unknown = _reason(error, _UNKNOWN)
            raise ModelError(f"{path} has operations that OpenVINO does not know: {unknown}") from error
        raise WeightsError(f"{path} is damaged or not an ONNX file: {_reason(error)}") from error
    _check_interface(graph, path)
    return graph


def _reason(error: RuntimeError, after: str = "") -> str:
    """The last line of what OpenVINO says, which names the cause; the first ones name places in its source."""
    said = str(error).partition(after)[2] if after else str(error)
    lines = [line.strip(" :-") for line in said.splitlines() if line.strip(" :-")]
    return (lines[0] if after else lines[-1]) if lines else "OpenVINO says no more"


def _check_interface(graph: Any, path: Path) -> None:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(
            f"{path} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a face embedder has one of each"
        )
    kind, rank = graph.input(0).element_type.get_type_name(), graph.input(0).partial_shape
    if len(rank) != 4 or kind != "f32" or not {None, 3} & set(_shape(graph.input(0))[1::2]):
        raise ModelError(f"{path} wants {kind} of shape {rank}, not float32 (n, 3, height, width)")


def _shape(port: Any) -> list[int | None]:
    """Lengths of an input's or output's dimensions; None where the file gives a name or leaves it open."""
    return [side.get_length() if side.is_static and side.get_length() > 0 else None for side in port.partial_shape]


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _preprocessing(path: Path, fixed: list[int | None], settings: dict[str, Any]) -> Preprocessing:
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


@dataclass(frozen=True)
class _Tried:
    """dim: length of an embedding. batch: how many crops must be given at once; None for any number."""

    dim: int
    batch: int | None


@lru_cache(maxsize=4)
def _tried(path: Path, changed_ns: int, size: tuple[int, int]) -> _Tried:
    """What the network does with two crops, together and alone."""
    fixed = _shape(_read(path).input(0))[0]
    crops = np.random.default_rng(0).uniform(-1, 1, (fixed or 2, 3, *size)).astype(np.float32)
    alone = _vectors(path, crops) if fixed else np.concatenate([_vectors(path, crop[None]) for crop in crops])
    if not np.isfinite(alone).all() or not alone.any(axis=1).all():
        raise ModelError(f"{path} gives embeddings that are NaN or zero; use another model")
    if fixed:
        return _Tried(alone.shape[1], fixed)
    try:
        is_open = np.allclose(_vectors(path, crops), alone, rtol=1e-3, atol=1e-3 * float(np.abs(alone).max()))
    except ModelError:
        is_open = False
    return _Tried(alone.shape[1], None if is_open else 1)


def _vectors(path: Path, crops: Floats) -> Floats:
    """(n, 3, height, width) -> (n, dim). Raises ModelError where that is not what comes out."""
    graph, is_last = _reshaped(path, len(crops), (crops.shape[2], crops.shape[3]))
    try:
        (output,) = CompiledNetwork(graph)(crops.transpose(0, 2, 3, 1) if is_last else crops)
    except RuntimeError as error:
        raise ModelError(f"{path} fails on crops of {crops.shape[2:]}: {_reason(error)}") from error
    return output.reshape(len(crops), -1)
