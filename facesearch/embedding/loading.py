"""Makes a model run: on the CPU as one OpenVINO graph where one is known, else in PyTorch or ONNX Runtime."""

from typing import TYPE_CHECKING

from facesearch.core.device import pick_device
from facesearch.core.errors import ModelError, WeightsError
from facesearch.core.extras import require
from facesearch.core.settings import ModelSpec
from facesearch.core.weights import check_sha256
from facesearch.embedding import combined
from facesearch.embedding.base import Network
from facesearch.embedding.embedder import GPU_BATCH_SIZE, Embedder, NetworkEmbedder
from facesearch.embedding.registry import BUILT_IN, MEMBERS, path_of, resolve

if TYPE_CHECKING:
    from torch import nn

    from facesearch.embedding.compiled import Body
    from facesearch.embedding.dlib_file import DlibWeights

__all__ = ["load_embedder", "load_module", "load_network"]

# Crops that a compiled network sees at once: two are 6 % faster than one by one, four 17 %, eight 22 %; but of a query,
# which is one face, the rest is for nothing.
CROPS_AT_ONCE = 4
COMPILED = ("dlib-resnet", "sface", combined.NAME)


def load_embedder(spec: ModelSpec, device: str = "auto") -> Embedder:
    """Make the model run.

    Args:
        spec: from resolve, or from a library; the weights must still be the same.
        device: as for pick_device.

    Raises:
        WeightsError: the weights are missing, damaged, or others than spec says.
        InputError: there is no such device.
    """
    if spec.network in COMPILED and pick_device(device) == "cpu":
        from facesearch.embedding.compiled import CompiledEmbedder, pixels_graph

        batch = CROPS_AT_ONCE // 2 if spec.preprocessing.mirror else CROPS_AT_ONCE
        if spec.network != combined.NAME:
            check_sha256(path_of(spec), spec.weights_sha256)
        name = spec.name if spec.name in BUILT_IN else "own"
        kept_as = f"{name}/{spec.fingerprint}/{batch}"
        return CompiledEmbedder(lambda: pixels_graph(spec, batch, _body(spec)), spec, kept_as)
    network = load_network(spec, device)
    return NetworkEmbedder(network) if pick_device(device) == "cpu" else NetworkEmbedder(network, GPU_BATCH_SIZE)


def load_network(spec: ModelSpec, device: str = "auto") -> Network:
    """The network of a model in PyTorch or ONNX Runtime, for normalised crops. Args and Raises as load_embedder."""
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
        return combined.combined_module(*((member, load_module(member)) for member in _members(spec)))
    require(spec.name, "torch")
    path = path_of(spec)
    check_sha256(path, spec.weights_sha256)
    if spec.name in BUILT_IN:
        return BUILT_IN[spec.name].read(path)
    from facesearch.embedding import checkpoint

    return checkpoint.load_module(path)


def _members(spec: ModelSpec) -> tuple[ModelSpec, ModelSpec]:
    """Of the combination. Raises WeightsError where it is made otherwise today."""
    sface, dlib = (resolve(name) for name in MEMBERS)
    if combined.combined_spec(sface, dlib).fingerprint != spec.fingerprint:
        raise WeightsError(f"{spec.name} ({spec.fingerprint}) was made by another version of facesearch")
    return sface, dlib


def _body(spec: ModelSpec) -> "Body":
    if spec.network == combined.NAME:
        return combined.combined_body(*((member, _body(member)) for member in _members(spec)))
    if spec.network == "sface":
        from facesearch.core.folded import folded
        from facesearch.embedding.onnx_body import onnx_body

        return onnx_body(folded(path_of(spec), spec.weights_sha256))
    from facesearch.embedding.dlib_graph import dlib_body

    return dlib_body(_dlib_weights(spec))


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
