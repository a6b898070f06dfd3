"""Makes a model run: on the CPU as one OpenVINO graph where one is known, else in PyTorch or ONNX Runtime."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from facesearch.core.device import pick_device
from facesearch.core.errors import ModelError, WeightsError
from facesearch.core.extras import require
from facesearch.core.quantisation import Ranges, quantise
from facesearch.core.settings import FLOAT32, ModelSpec
from facesearch.core.weights import check_sha256
from facesearch.embedding import combined
from facesearch.embedding.base import Network
from facesearch.embedding.embedder import GPU_BATCH_SIZE, Embedder, NetworkEmbedder
from facesearch.embedding.precision import device_for, merged
from facesearch.embedding.registry import BUILT_IN, NAMES, members, parts_of, path_of, resolve

if TYPE_CHECKING:
    from torch import nn

    from facesearch.embedding.compiled import Body
    from facesearch.embedding.dlib_file import DlibWeights
    from facesearch.embedding.sface import SFaceWeights

__all__ = ["BATCH", "float_graph", "load_embedder", "load_module", "load_network"]

# Crops that a compiled network sees at once: more are a little faster; but of a query, which is one face, the rest is
# for nothing.
BATCH = 2
COMPILED = ("dlib-resnet", "sface", combined.NAME, "onnx")


def load_embedder(spec: ModelSpec, device: str = "auto") -> Embedder:
    """Make the model run.

    Args:
        spec: from resolve, or from a library; the weights must still be the same.
        device: as for pick_device.

    Raises:
        WeightsError: the weights are missing, damaged, or others than spec says.
        InputError: there is no such device, or the model does not run there in its precision.
    """
    place = device_for(spec, device)
    if spec.network in COMPILED and place == "cpu":
        return _compiled(spec)
    network = load_network(spec, place)
    return NetworkEmbedder(network) if place == "cpu" else NetworkEmbedder(network, GPU_BATCH_SIZE)


def _compiled(spec: ModelSpec) -> Embedder:
    from facesearch.embedding.compiled import CompiledEmbedder

    for member in _members(spec) if spec.network == combined.NAME else (spec,):
        check_sha256(path_of(member), member.weights_sha256)  # a network from the cache is that of these files
    ranges = merged(spec, members(spec.name)) if spec.is_int8 else None
    name = spec.name if spec.name in NAMES else "own"
    return CompiledEmbedder(lambda: _graph(spec, ranges), spec, f"{name}/{spec.fingerprint}/{BATCH}")


def _graph(spec: ModelSpec, ranges: Ranges | None) -> Any:
    graph = float_graph(spec)
    if ranges is not None:
        quantise(graph, ranges)
    return graph


def float_graph(spec: ModelSpec) -> Any:
    """OpenVINO's graph of one of the COMPILED models, from (BATCH, height, width, 3) uint8 to unit vectors."""
    from facesearch.embedding.compiled import pixels_graph

    return pixels_graph(spec, _batch(spec), _body(spec))


def _batch(spec: ModelSpec) -> int:
    if spec.network != "onnx":
        return BATCH
    from facesearch.embedding.onnx_file import batch_size

    return batch_size(Path(spec.name), spec.preprocessing.size, BATCH)


def load_network(spec: ModelSpec, device: str = "auto") -> Network:
    """The network of a model in PyTorch, or on a GPU in ONNX Runtime, for normalised crops.

    Args and Raises as load_embedder.
    """
    if spec.network == "onnx":
        check_sha256(path_of(spec), spec.weights_sha256)
        from facesearch.embedding import onnx_network

        return onnx_network.load(spec, device)
    chosen = pick_device(device)
    from facesearch.embedding.torch_network import TorchNetwork

    return TorchNetwork(load_module(spec), spec, chosen)


def load_module(spec: ModelSpec) -> "nn.Module":
    """The PyTorch module with its weights, on the CPU, as training begins with it.

    Args:
        spec: as for load_embedder.

    Raises:
        ModelError: an ONNX file, which is no PyTorch module.
        WeightsError: the weights are missing, damaged, or others than spec says.
    """
    if spec.network == "onnx":
        raise ModelError(f"{spec.name} is an ONNX file: it can be used, but not trained further")
    if spec.network == combined.NAME:
        from facesearch.embedding.combined_torch import Combined

        return Combined(*((member, load_module(member)) for member in _members(spec)))
    require(spec.name, "torch")
    path = path_of(spec)
    check_sha256(path, spec.weights_sha256)
    if spec.name in BUILT_IN:
        return BUILT_IN[spec.name].read(path)
    from facesearch.embedding import checkpoint

    return checkpoint.load_module(path)


def _members(spec: ModelSpec) -> tuple[ModelSpec, ModelSpec]:
    """Of a combination. Raises WeightsError where it is made otherwise today."""
    sface, dlib = (resolve(name, FLOAT32) for name in parts_of(spec.name))
    if combined.combined_spec(sface, dlib).fingerprint != spec.in_float32.fingerprint:
        raise WeightsError(
            f"{spec.name} ({spec.fingerprint}) was made with other weights, or by another version of facesearch"
        )
    return sface, dlib


def _body(spec: ModelSpec) -> "Body":
    if spec.network == "onnx":
        from facesearch.embedding.onnx_file import onnx_body

        return onnx_body(Path(spec.name))
    if spec.network == combined.NAME:
        return combined.combined_body(*((member, _body(member)) for member in _members(spec)))
    if spec.network == "sface":
        from facesearch.embedding.sface import sface_body

        return sface_body(_sface_weights(spec))
    from facesearch.embedding.dlib_graph import dlib_body

    return dlib_body(_dlib_weights(spec))


def _sface_weights(spec: ModelSpec) -> "SFaceWeights":
    """Of the published file without PyTorch; of what was trained, with it."""
    from facesearch.embedding.sface import read_sface

    if spec.name not in BUILT_IN:
        from facesearch.embedding.sface_torch import SFace

        module = load_module(spec)
        assert isinstance(module, SFace)
        return module.weights()
    return read_sface(path_of(spec), spec.weights_sha256)


def _dlib_weights(spec: ModelSpec) -> "DlibWeights":
    """Of dlib's own file without PyTorch, whose import takes longer than a query; of what was trained, with it."""
    from facesearch.embedding.dlib_file import read_dlib_weights

    if spec.name not in BUILT_IN:
        from facesearch.embedding.dlib_resnet import DlibResNet

        module = load_module(spec)
        assert isinstance(module, DlibResNet)
        return module.weights()
    path = path_of(spec)
    check_sha256(path, spec.weights_sha256)
    return read_dlib_weights(path)
