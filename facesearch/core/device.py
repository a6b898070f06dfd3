"""The device on which a network runs."""

import logging
import os
import platform
import re
import sys
from functools import cache
from pathlib import Path

from facesearch.core.errors import InputError
from facesearch.core.extras import how_to_get, is_installed

__all__ = ["free_bytes", "pick_device", "picked_unless_auto"]

# What the drivers of NVIDIA's GPUs, of the same below Windows' Linux, and of AMD's put there; CUDA and ROCm need it.
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def pick_device(name: str = "auto") -> str:
    """The torch name of the device that the user asked for.

    Args:
        name: "auto" (CUDA, then Apple's MPS, then the CPU), "cpu", "cuda", "cuda:1" or "mps". Where there is a GPU and
            nothing is installed that could use it, "auto" is the CPU, and a warning is logged once.

    Raises:
        InputError: for another name, for a device that this machine does not have, and for one that needs PyTorch
            where that is not installed.
    """
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name) is None:
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps")
    if name == "cpu" or (name == "auto" and not _may_have_accelerator()):
        return "cpu"
    # PyTorch alone finds and uses GPUs today; another runtime with CUDA of its own would be asked here.
    if not is_installed("torch"):
        return _without_torch(name)
    return _asked_of_torch(name)


def picked_unless_auto(name: str) -> str:
    """As `pick_device`, but for "auto", for what needs a device only now and then: PyTorch takes seconds to import."""
    return name if name == "auto" else pick_device(name)


def free_bytes(device: str) -> int:
    """What is free in the memory of a CUDA device. Args: device: as `pick_device` gives it."""
    import torch

    return int(torch.cuda.mem_get_info(device)[0])


def _asked_of_torch(name: str) -> str:
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


def _without_torch(name: str) -> str:
    if name != "auto":
        raise InputError(f"--device {name} needs PyTorch: {how_to_get('torch')}, or use --device cpu")
    if _has_accelerator():
        _say_once(f"There is a GPU, and the CPU is used: the GPU needs PyTorch, {how_to_get('torch')}")
    return "cpu"


def _may_have_accelerator() -> bool:
    """Whether it is worth a second of importing torch to look for a GPU."""
    return sys.platform != "linux" or _has_accelerator()


def _has_accelerator() -> bool:
    """Whether there are signs of a GPU that PyTorch could use; none are looked for that take time."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll").exists()
    return any(Path(driver).exists() for driver in DRIVERS)


@cache
def _say_once(text: str) -> None:
    """On stderr, unless the program that uses facesearch has set up its logging otherwise."""
    logging.getLogger("facesearch").warning(text)
