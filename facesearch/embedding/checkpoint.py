"""Our own checkpoints: one .safetensors file that says by itself what it is.

Format `facesearch-embedder/1`: the tensors are the state dict of ARCHITECTURES[spec.network](spec.dim), and the
header's metadata (strings, as safetensors wants them) are

    format       "facesearch-embedder/1"
    spec         ModelSpec as JSON; its weights_sha256 is empty, because a file cannot hold its own hash
    training     JSON object: how it was trained, for people (recipe, data, steps, results)
    calibration  JSON object, optional: thresholds and the distance -> probability curve (facesearch.core.distance)
    with_dlib    the same of FILE+dlib, where the checkpoint is part of that combination; optional
    card         its model card, Markdown for people; optional

The model is the file: when it is resolved, its name becomes the file's path and weights_sha256 the file's hash. Another
version of the format gets another number, and readers refuse numbers that they do not know.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.extras import require
from facesearch.core.files import part_of, put_in_place
from facesearch.core.paths import resolved
from facesearch.core.settings import ModelSpec
from facesearch.core.weights import sha256_of
from facesearch.embedding.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["FORMAT", "CheckpointHeader", "load_module", "read_header", "resolve", "save"]

FORMAT = "facesearch-embedder/1"


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says about itself; spec is as stored, so without the file's hash."""

    spec: ModelSpec
    training: dict[str, Any]
    calibration: dict[str, Any] | None
    with_dlib: dict[str, Any] | None = None
    card: str | None = None


def save(
    path: Path,
    state: Mapping[str, "Tensor"],
    spec: ModelSpec,
    training: Mapping[str, Any],
    calibration: Mapping[str, Any] | None = None,
    with_dlib: Mapping[str, Any] | None = None,
    card: str | None = None,
) -> ModelSpec:
    """Write a checkpoint; a file of that name is replaced at once or not at all.

    Args:
        path: must end in .safetensors.
        state: module.state_dict() of ARCHITECTURES[spec.network](spec.dim), on any device.
        spec: network, dim and preprocessing count; name and weights_sha256 follow from the file.
        training, calibration, with_dlib: anything that JSON can hold.
        card: Markdown for people.

    Returns:
        What resolve(path) gives.

    Raises:
        InputError: another suffix, or a network that a checkpoint cannot hold.
        WeightsError: it cannot be written: the disk is full, say; what was there before is untouched.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    if path.suffix != ".safetensors":
        raise InputError(f"a checkpoint's name ends in .safetensors, unlike {path}")
    _check_network(spec, path)
    metadata = {
        "format": FORMAT,
        "spec": replace(spec, name=path.stem, weights_sha256="").to_json(),
        "training": json.dumps(dict(training), sort_keys=True),
    }
    for name, made in (("calibration", calibration), ("with_dlib", with_dlib)):
        if made is not None:
            metadata[name] = json.dumps(dict(made), sort_keys=True)
    if card is not None:
        metadata["card"] = card
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    part = part_of(path)
    try:
        save_file(tensors, part, metadata)
        put_in_place(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise WeightsError(f"{path} cannot be written, and is as it was before: {error}") from error
    return resolve(path)


def read_header(path: Path) -> CheckpointHeader:
    """What the checkpoint says about itself, without reading its tensors or importing torch.

    Raises:
        ModelError: there is no such file, or it holds a network that this version does not know.
        WeightsError: it is damaged, or is not a facesearch checkpoint of this format.
    """
    metadata = _read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path} is not a checkpoint of format {FORMAT}, but {metadata.get('format', 'unknown')!r}")
    try:
        spec = ModelSpec.from_json(metadata["spec"])
        training = _json_object(metadata["training"])
        calibration, with_dlib = (
            _json_object(metadata[name]) if name in metadata else None for name in ("calibration", "with_dlib")
        )
    except (InputError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} has a damaged header: {error}") from error
    _check_network(spec, path)
    return CheckpointHeader(spec, training, calibration, with_dlib, metadata.get("card"))


def resolve(path: Path) -> ModelSpec:
    """The spec of a checkpoint, named after the file and with its hash.

    Raises:
        ModelError, WeightsError: as read_header; ModelError where PyTorch is not installed.
    """
    path = resolved(path)
    require(path.name, "torch")
    return replace(read_header(path).spec, name=str(path), weights_sha256=sha256_of(path))


def load_module(path: Path) -> "nn.Module":
    """The network with the checkpoint's weights.

    Raises:
        ModelError, WeightsError: as read_header, and where the tensors are not those of the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    spec = read_header(path).spec
    module = ARCHITECTURES[spec.network](spec.dim)
    try:
        module.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{path} does not hold {spec.network}: {str(error).splitlines()[0]}") from error
    return module


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"not a JSON object: {text[:40]}")
    return value


def _check_network(spec: ModelSpec, path: Path) -> None:
    if spec.network not in ARCHITECTURES:
        raise ModelError(f"{path} holds the network {spec.network!r}; known are {', '.join(ARCHITECTURES)}")


def _read_metadata(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or not a safetensors file: {error}") from error
