"""Packages that only some need, and how to get them."""

import importlib.util

from facesearch.core.errors import ModelError

__all__ = ["EXTRAS", "how_to_get", "is_installed", "require"]

# Package, as it is imported -> what people call it, and the extra of facesearch that brings it.
EXTRAS = {
    "torch": ("PyTorch", "torch"),
    "torchvision": ("torchvision", "torch"),
    "facenet_pytorch": ("facenet-pytorch", "torch"),
    "onnxruntime": ("ONNX Runtime", "onnx"),
    "matplotlib": ("matplotlib", "plots"),
    "tensorboard": ("TensorBoard", "train"),
}


def is_installed(package: str) -> bool:
    """Whether it can be found; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def how_to_get(package: str) -> str:
    """A command that installs it. Args: package: one of EXTRAS."""
    return f"pip install 'facesearch[{EXTRAS[package][1]}]'"


def require(what: str, *packages: str) -> None:
    """Raises ModelError where one of the packages, of EXTRAS, is not installed. Args: what: what needs them."""
    for package in packages:
        if not is_installed(package):
            raise ModelError(f"{what} needs {EXTRAS[package][0]}: {how_to_get(package)}")
