"""Networks that OpenVINO has compiled, kept in the user's cache: reading one takes a fifth of making it.

What is kept is what OpenVINO exports for this processor. It is a cache: it is used only where everything that it
was made from is the same, and where its own hash fits; else the network is made again.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.files import FILE_MODE, FOLDER_MODE, make_folders, replace_file
from facesearch.core.weights import cache_dir

__all__ = ["compiled"]

PACKAGE = Path(__file__).resolve().parent.parent
# Where code of networks lies; another version of it may make another network.
CODE = ("core", "detection", "embedding")
# Of one name: for threads and for worker processes, which have other settings, of two versions of facesearch.
KEPT = 4
# oneDNN, which computes for OpenVINO, uses no later instructions than these say.
ISA_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


def compiled(openvino: Any, core: Any, make: Callable[[], Any], settings: Mapping[str, Any], kept_as: str) -> Any:
    """A network for the CPU, from the cache or made and put there.

    Args:
        openvino: the package. core: its runtime.
        make: the graph, called only if the network is not in the cache.
        settings: of OpenVINO.
        kept_as: "name/rest": what the network is called, one word, and all that decides what it is beside code:
            weights by their hash, shapes. The latest networks of a name are kept.
    """
    cache = cache_dir()
    if cache is None:
        return core.compile_model(make(), "CPU", dict(settings))
    name = kept_as.partition("/")[0]
    made_from = [kept_as, dict(settings), str(openvino.get_version()), _processor(core), _code()]
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    path = cache.parent / "networks" / f"{name}-{digest[:32]}.bin"
    kept = _read(path)
    if kept is not None:
        with suppress(RuntimeError):  # OpenVINO refuses it: it is made again
            return core.import_model(openvino.Tensor(kept), "CPU", dict(settings))
    network = core.compile_model(make(), "CPU", dict(settings))
    with suppress(OSError):  # a cache that cannot be written costs time, and nothing else
        _write(path, name, network.export_model().getvalue())
    return network


def _processor(core: Any) -> list[str]:
    """What OpenVINO chooses its instructions by: a home folder may be shared by several machines."""
    told = [str(core.get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            told += [line for line in islice(file, 30) if line.startswith(("flags", "Features"))]
    except OSError:
        pass
    return told + [os.environ.get(name, "") for name in ISA_LIMITS]


@cache
def _code() -> str:
    """Changes with every file of code that networks are made by."""
    found = []
    for folder in CODE:
        for place, _, files in os.walk(PACKAGE / folder):
            stats = ((name, os.stat(os.path.join(place, name))) for name in files if name.endswith(".py"))
            found += [(place, name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def _read(path: Path) -> NDArray[np.uint8] | None:
    """What is kept there, after its own SHA-256; None where it is not there, or damaged."""
    try:
        with path.open("rb") as file:
            content = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError):  # ValueError: it is empty
        return None
    return content[32:] if hashlib.sha256(content[32:].data).digest() == content[:32].tobytes() else None


def _write(path: Path, name: str, network: bytes) -> None:
    make_folders(path.parent, FOLDER_MODE)
    with suppress(OSError):
        others = sorted(path.parent.glob(f"{name}-*.bin"), key=lambda other: other.stat().st_mtime)
        for other in others[: 1 - KEPT]:
            other.unlink()
    content = hashlib.sha256(network).digest() + network
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # several processes may make it at the same time
    replace_file(path, content, part=part, mode=FILE_MODE, durable=False)
