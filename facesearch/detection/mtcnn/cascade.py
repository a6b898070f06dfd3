"""MTCNN's three networks with the weights inside facenet-pytorch's wheel, on the CPU or another device."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import WeightsError

__all__ = ["PNET_COLUMNS", "PNET_ROWS", "WEIGHTS_SHA256", "Cascade", "load_cascade", "weights_file"]

Floats = npt.NDArray[np.float32]
# Windows that P-Net looks at in one go: large enough to pay for the call, small enough to stay in a core's cache.
PNET_ROWS, PNET_COLUMNS = 32, 256
RNET_BATCH, ONET_BATCH = 64, 8
# Of pnet.pt, rnet.pt and onet.pt in facenet-pytorch 2.5.3.
WEIGHTS_SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}


class Cascade(Protocol):
    """The networks, whatever they run on. Pixels are RGB from 0 to 255."""

    def pnet(self, tiles: Floats) -> Floats:
        """(n, 2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10, 3) -> (n, 5, PNET_ROWS, PNET_COLUMNS).

        Log-odds of a face in the 12-pixel window at every second pixel, and its regression.
        """
        ...

    def rnet(self, crops: Floats) -> tuple[Floats, Floats]:
        """(n, 24, 24, 3) -> (n, 4) regressions, (n,) scores."""
        ...

    def onet(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        """(n, 48, 48, 3) -> (n, 4) regressions, (n, 10) points (five x, then five y), (n,) scores."""
        ...


@cache
def load_cascade(device: str) -> Cascade:
    """The same for all detectors of a process. Raises WeightsError, see `weights_file`."""
    if device == "cpu":
        return CpuCascade()
    from facesearch.detection.mtcnn.cascade_torch import DeviceCascade

    return DeviceCascade(device)


class CpuCascade:
    """Through OpenVINO."""

    def __init__(self) -> None:
        from facesearch.core.openvino_cpu import CompiledNetwork
        from facesearch.detection.mtcnn import graphs
        from facesearch.detection.mtcnn.torch_file import read_torch_file

        pnet, rnet, onet = (read_torch_file(weights_file(name)) for name in ("pnet", "rnet", "onet"))
        tile = (2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10)
        self._pnet = CompiledNetwork(graphs.pnet_graph(pnet, *tile))
        self._rnet = CompiledNetwork(graphs.rnet_graph(rnet, RNET_BATCH))
        self._onet = CompiledNetwork(graphs.onet_graph(onet, ONET_BATCH))

    def pnet(self, tiles: Floats) -> Floats:
        return self._pnet(tiles)[0]

    def rnet(self, crops: Floats) -> tuple[Floats, Floats]:
        regression, probability = self._rnet(crops)
        return regression, probability[:, 1]

    def onet(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        regression, points, probability = self._onet(crops)
        return regression, points, probability[:, 1]


def weights_file(name: str) -> Path:
    """Where the weights of pnet, rnet or onet lie.

    Raises WeightsError where facenet-pytorch is not installed, or its file is not the published one.
    """
    # Found, not imported: importing facenet_pytorch imports torch, torchvision and requests.
    found = importlib.util.find_spec("facenet_pytorch")
    if found is None or not found.submodule_search_locations:
        raise WeightsError("MTCNN's weights are missing: pip install 'facenet-pytorch>=2.5.3,<2.6'")
    path = Path(found.submodule_search_locations[0]) / "data" / f"{name}.pt"
    _check(path, WEIGHTS_SHA256[name])
    return path


def _check(path: Path, expected: str) -> None:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    if sha256 != expected:
        raise WeightsError(
            f"{path} is not the published file: SHA-256 {sha256[:16]}… instead of {expected[:16]}…;"
            " install facenet-pytorch again"
        )
