"""MTCNN's weights: the files inside facenet-pytorch's wheel, and whether they are the published ones."""

import hashlib
import importlib.util
from pathlib import Path

from facesearch.core.errors import WeightsError
from facesearch.core.extras import how_to_get

__all__ = ["WEIGHTS_SHA256", "weights_file"]

# Of pnet.pt, rnet.pt and onet.pt in facenet-pytorch 2.5.3.
WEIGHTS_SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}


def weights_file(name: str) -> Path:
    """Where the weights of pnet, rnet or onet lie.

    Raises WeightsError where facenet-pytorch is not installed, or its file is not the published one.
    """
    # Found, not imported: importing facenet_pytorch imports torch, torchvision and requests.
    found = importlib.util.find_spec("facenet_pytorch")
    if found is None or not found.submodule_search_locations:
        raise WeightsError(f"MTCNN needs the weights in facenet-pytorch: {how_to_get('facenet_pytorch')}")
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
