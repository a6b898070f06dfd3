"""Any face embedder in an ONNX file; OpenVINO reads it and runs it on CPUs.

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
from typing import Any

import numpy as np

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.openvino_cpu import CompiledNetwork, read_onnx
from facesearch.core.paths import resolved
from facesearch.core.settings import ModelSpec, Preprocessing, preprocessing_from_dict
from facesearch.core.weights import sha256_of
from facesearch.embedding.compiled import Body
from facesearch.embedding.templates import arcface_template

__all__ = ["batch_size", "onnx_body", "resolve"]

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
    preprocessing = _preprocessing(path, _shape(graph.input(0)), settings)
    return ModelSpec(
        name=str(path),
        network="onnx",
        dim=_dim(graph, preprocessing.size, path),
        preprocessing=preprocessing,
        weights_sha256=sha256_of(path),
        **people,
    )


def batch_size(path: Path, otherwise: int) -> int:
    """How many crops the file's network takes at once; otherwise, where it leaves that open. Raises as resolve."""
    return _shape(_read(path).input(0))[0] or otherwise


def onnx_body(path: Path) -> Body:
    """The network inside a larger graph; one of a fixed batch size is repeated as often as there are batches.

    The body raises ModelError, WeightsError as resolve.
    """

    def body(op: Any, x: Any) -> Any:
        size = batch_size(path, x.shape[0])
        outputs = []
        for start in range(0, x.shape[0], size):
            part = x if size == x.shape[0] else op.slice(x, [start], [start + size], [1], [0])
            output = _spliced(path, part)
            outputs.append(op.reshape(output, np.array([size, -1]), False))
        return outputs[0] if len(outputs) == 1 else op.concat(outputs, 0)

    return body


def _spliced(path: Path, x: Any) -> Any:
    """The network's output, with x in the place of its input."""
    graph = _reshaped(path, list(x.shape))
    (source,), (result,) = graph.get_parameters(), graph.get_results()
    for target in source.output(0).get_target_inputs():
        target.replace_source_output(x.output(0))
    return result.input_value(0)


def _reshaped(path: Path, shape: list[int]) -> Any:
    graph = _read(path)
    try:
        graph.reshape(shape)
    except RuntimeError as error:
        raise ModelError(f"{path} fails on crops of {tuple(shape[2:])}: {_reason(error)}") from error
    return graph


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
    lines = [line.strip(" :") for line in said.splitlines() if line.strip(" :")]
    return (lines[0] if after else lines[-1]) if lines else "OpenVINO says no more"


def _check_interface(graph: Any, path: Path) -> None:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(
            f"{path} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a face embedder has one of each"
        )
    kind, rank = graph.input(0).element_type.get_type_name(), graph.input(0).partial_shape
    if len(rank) != 4 or _shape(graph.input(0))[1] not in (None, 3) or kind != "f32":
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


def _preprocessing(path: Path, shape: list[int | None], settings: dict[str, Any]) -> Preprocessing:
    fixed = shape[2:]
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


def _dim(graph: Any, size: tuple[int, int], path: Path) -> int:
    """The output's length: as declared, else tried out."""
    declared = [] if graph.output(0).partial_shape.rank.is_dynamic else _shape(graph.output(0))[1:]
    known = [side for side in declared if side]
    if declared and len(known) == len(declared):
        return int(np.prod(known))
    batch = batch_size(path, 1)
    try:
        network = CompiledNetwork(_reshaped(path, [batch, 3, *size]))
        (output,) = network(np.zeros((batch, 3, *size), np.float32))
    except RuntimeError as error:
        raise ModelError(f"{path} fails on crops of {size}: {_reason(error)}") from error
    return int(output[0].size)
