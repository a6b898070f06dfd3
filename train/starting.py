"""What a run begins with: a network, its description, and the embeddings that it is held to."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facesearch import embedding
from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError
from facesearch.core.settings import FLOAT32, ModelSpec, Preprocessing
from facesearch.embedding import NetworkEmbedder
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.registry import BUILT_IN
from facesearch.embedding.templates import arcface_template
from train.adapters import add_adapters
from train.config import NetworkConfig
from train.dataset import FaceSet, load_crop

__all__ = ["freeze", "hold_targets", "live_embedder", "start"]

SMALL_SIDE = 64
_SMALL_TEMPLATE = arcface_template(SMALL_SIDE, SMALL_SIDE)
assert _SMALL_TEMPLATE is not None
_SMALL_PREPROCESSING = Preprocessing(
    size=(SMALL_SIDE, SMALL_SIDE),
    landmarks=_SMALL_TEMPLATE,
    mean=(127.5, 127.5, 127.5),
    std=(128.0, 128.0, 128.0),
    mirror=True,
)

# How crops are made for a network that starts from nothing.
PREPROCESSING: dict[str, Preprocessing] = {
    "dlib-resnet": BUILT_IN["dlib"].preprocessing,
    "inception-resnet-v1": BUILT_IN["facenet-vggface2"].preprocessing,
    "sface": BUILT_IN["sface"].preprocessing,
    "small-cnn": _SMALL_PREPROCESSING,
}


def start(config: NetworkConfig, seed: int) -> tuple[nn.Module, ModelSpec]:
    """The network with the weights that it starts from, and its description.

    Raises:
        InputError: an unknown network, one that a checkpoint cannot hold, or a layer to freeze that it does not have.
        ModelError: `start` is not there, or cannot be trained.
    """
    torch.manual_seed(seed)
    module, spec, new = _from_model(config) if config.start else _from_nothing(config)
    freeze(module, config.freeze)
    if config.adapters:
        add_adapters(module, config.adapters, new)
    return module, spec


def _from_nothing(config: NetworkConfig) -> tuple[nn.Module, ModelSpec, frozenset[str]]:
    if config.name not in PREPROCESSING:
        raise InputError(f"there is no network {config.name!r}: use {', '.join(PREPROCESSING)}")
    spec = ModelSpec(
        name=config.name,
        network=config.name,
        dim=config.dim,
        preprocessing=PREPROCESSING[config.name],
        weights_sha256="",
        licence="of whoever trained it",
        source="trained from random weights",
    )
    return ARCHITECTURES[config.name](config.dim), spec, frozenset()


def _from_model(config: NetworkConfig) -> tuple[nn.Module, ModelSpec, frozenset[str]]:
    """Also the names of the parameters that the model does not have."""
    spec = embedding.resolve(config.start, FLOAT32)
    if config.name not in ("", spec.network):
        raise InputError(f"network.start {config.start!r} is a {spec.network}, not a {config.name}: leave name empty")
    module = embedding.load_module(spec)
    if spec.network not in ARCHITECTURES:
        raise InputError(
            f"network.start {config.start!r} is no single network that a checkpoint can hold: start from one of them"
        )
    new: frozenset[str] = frozenset()
    if config.dim not in (0, spec.dim):
        module, new = _with_new_head(module, spec, config.dim)
        spec = replace(spec, dim=config.dim)
    return module, replace(spec, source=f"trained from {spec.name} ({spec.source})"), new


def _with_new_head(module: nn.Module, spec: ModelSpec, dim: int) -> tuple[nn.Module, frozenset[str]]:
    """The same network for another length of embedding: what still fits keeps its weights. Also the others' names."""
    fresh = ARCHITECTURES[spec.network](dim)
    shapes = {name: value.shape for name, value in fresh.state_dict().items()}
    kept = {name: value for name, value in module.state_dict().items() if value.shape == shapes.get(name)}
    fresh.load_state_dict(kept, strict=False)
    return fresh, frozenset(shapes.keys() - kept.keys())


def freeze(module: nn.Module, layers: Strings) -> None:
    """Keep the weights of the layers whose parameters' names begin so.

    Raises InputError where a layer is not there, or nothing is left to train.
    """
    for layer in as_strings(layers):
        found = [p for name, p in module.named_parameters() if name == layer or name.startswith(f"{layer}.")]
        if not found:
            known = sorted({name.split(".")[0] for name, _ in module.named_parameters()})
            raise InputError(f"network.freeze: there is no layer {layer!r}; the outermost are {', '.join(known)}")
        for parameter in found:
            parameter.requires_grad_(False)
    if not any(p.requires_grad for p in module.parameters()):
        raise InputError("network.freeze leaves nothing to train")


class _LiveNetwork:
    """A module in training as a facesearch Network, so that validation takes the path that users run."""

    def __init__(self, module: nn.Module, spec: ModelSpec, device: torch.device, layout: torch.memory_format) -> None:
        self.spec = spec
        self._module, self._device, self._layout = module, device, layout

    @torch.inference_mode()
    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        was_training = self._module.training
        self._module.eval()
        x = torch.from_numpy(batch).to(self._device).contiguous(memory_format=self._layout)
        embeddings: NDArray[np.float32] = self._module(x).float().cpu().numpy()
        self._module.train(was_training)
        return embeddings


def live_embedder(
    module: nn.Module, spec: ModelSpec, device: torch.device, layout: torch.memory_format
) -> NetworkEmbedder:
    """The product's NetworkEmbedder around a module in training."""
    return NetworkEmbedder(_LiveNetwork(module, spec, device, layout), batch_size=64 if device.type == "cpu" else 256)


def hold_targets(embedder: NetworkEmbedder, faces: FaceSet, scales: Sequence[float]) -> NDArray[np.float32]:
    """What the starting point says of every unvaried crop: (n, d) float32, unit L2 norm, averaged over `scales`.

    Raises TrainingError where an image cannot be read.
    """
    rows = []
    for first in range(0, len(faces), embedder.batch_size):
        images = faces.images[first : first + embedder.batch_size]
        total = sum(
            embedder.embed([load_crop(image, embedder.spec.preprocessing, scale) for image in images])
            for scale in scales
        )
        rows.append(np.asarray(total, np.float32))
    mean = np.concatenate(rows)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)
