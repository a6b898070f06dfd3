"""The device on which a network runs."""

import re
import sys
from pathlib import Path

from facesearch.core.errors import InputError

__all__ = ["pick_device"]

# What the drivers of NVIDIA's GPUs, of the same below Windows' Linux, and of AMD's put there; CUDA and ROCm need it.
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def pick_device(name: str = "auto") -> str:
    """The torch name of the device that the user asked for.

    Args:
        name: "auto" (CUDA, then Apple's MPS, then the CPU), "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        InputError: for another name, and for a device that this machine does not have.
    """
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name) is None:
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps")
    if name == "cpu" or (name == "auto" and not _may_have_accelerator()):
        return "cpu"
    import torch

    cuda_count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda_count else "mps" if has_mps else "cpu"
    if name == "mps" and not has_mps:
        raise InputError("there is no mps device on this machine: use --device auto or cpu")
    if name.startswith("cuda") and int(name.partition(":")[2] or 0) >= cuda_count:
        raise InputError(f"there is no {name} device here (torch sees {cuda_count}): use --device auto or cpu")
    return name


def _may_have_accelerator() -> bool:
    """Whether it is worth a second of importing torch to look for a GPU."""
    return sys.platform != "linux" or any(Path(driver).exists() for driver in DRIVERS)
