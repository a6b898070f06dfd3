"""MTCNN's weights: the files inside facenet-pytorch's wheel, and whether they are the published ones."""

from pathlib import Path

from facesearch.core.errors import WeightsError
from facesearch.core.extras import how_to_get
from facesearch.core.weights import WeightsFile, check_sha256

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
    path = WeightsFile(f"{name}.pt", package="facenet_pytorch", folder="data").path
    if path is None:
        raise WeightsError(f"MTCNN needs the weights in facenet-pytorch: {how_to_get('facenet_pytorch')}")
    check_sha256(path, WEIGHTS_SHA256[name])
    return path
