"""SFace and dlib's network as one embedder: they err on different faces, and together on fewer.

Both see one crop, aligned once: SFace's, at the scale at which dlib's lies in it pixel by pixel. An embedding is
[sqrt(w) · s · dlib's, sqrt(1 - w) · SFace's] of two unit vectors, scaled to unit norm, so that its squared distances
are the weighted mean of theirs but for a constant. dlib's distances are as much smaller as s says.
"""

import hashlib
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding.compiled import Body, embedding_of
from facesearch.embedding.templates import ARCFACE_112

__all__ = ["NAME", "combined_body", "combined_spec"]

NAME = "sface+dlib"
# Tuned on data/photos and data/faces, TAR at FAR 1e-3 and 1e-4: 0.3 and 0.4 are alike, 0.15 and 0.5 worse.
DLIB_WEIGHT, DLIB_SCALE = 0.3, 2.8
# SFace's crop is SFACE_SIDE pixels wide and high here, and is made smaller, bilinearly, for the network. The scale is
# the one at which both templates fit best, and dlib's crop lies DLIB_AT (x, y) pixels from the corner.
SFACE_SIDE, SFACE_INPUT = 174, 112
DLIB_AT, DLIB_SIDE = (14, 37), 150


def combined_spec(sface: ModelSpec, dlib: ModelSpec) -> ModelSpec:
    """What identifies the combination of the two models."""
    scale = SFACE_SIDE / SFACE_INPUT
    landmarks = tuple((round((x + 0.5) * scale - 0.5, 3), round((y + 0.5) * scale - 0.5, 3)) for x, y in ARCFACE_112)
    size = (DLIB_AT[1] + DLIB_SIDE, SFACE_SIDE)
    made_of = {
        "members": [sface.fingerprint, dlib.fingerprint],
        "weight": DLIB_WEIGHT,
        "scale": DLIB_SCALE,
        "crops": [SFACE_SIDE, *DLIB_AT],
    }
    return ModelSpec(
        name=NAME,
        network=NAME,
        dim=sface.dim + dlib.dim,
        preprocessing=Preprocessing(size, landmarks, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        weights_sha256=hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest(),
        licence=f"{sface.licence}; {dlib.licence}",
        source=f"{sface.source}; {dlib.source}",
    )


def combined_body(sface: tuple[ModelSpec, Body], dlib: tuple[ModelSpec, Body]) -> Body:
    """The graph: (n, 3, 187, 174) float32 of 0 to 255 -> (n, 256) with the norm of SFace's vector, which tells how much
    of a face there was to see (dlib's does not).

    Args: each member and its network.
    """

    def body(op: Any, planes: Any) -> Any:
        of_dlib, _ = embedding_of(op, _dlib_part(op, planes), dlib[0].preprocessing, dlib[1])
        of_sface, norm = embedding_of(op, _sface_part(op, planes), sface[0].preprocessing, sface[1])
        parts = ((of_dlib, dlib_factor()), (of_sface, sface_factor()))
        return op.multiply(op.concat([op.multiply(part, np.float32(factor)) for part, factor in parts], 1), norm)

    return body


def dlib_crop(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """dlib's crop, (150, 150, 3), out of the combination's, (187, 174, 3)."""
    x, y = DLIB_AT
    return crop[y : y + DLIB_SIDE, x : x + DLIB_SIDE]


def dlib_factor() -> float:
    """By what dlib's unit vector is multiplied; the squares of both factors add up to 1."""
    return DLIB_SCALE * math.sqrt(DLIB_WEIGHT / _squares())


def sface_factor() -> float:
    return math.sqrt((1 - DLIB_WEIGHT) / _squares())


def _squares() -> float:
    return DLIB_SCALE**2 * DLIB_WEIGHT + 1 - DLIB_WEIGHT


def _dlib_part(op: Any, planes: Any) -> Any:
    x, y = DLIB_AT
    return op.slice(planes, [y, x], [y + DLIB_SIDE, x + DLIB_SIDE], [1, 1], [2, 3])


def _sface_part(op: Any, planes: Any) -> Any:
    square = op.slice(planes, [0], [SFACE_SIDE], [1], [2])
    return op.interpolate(
        square, [SFACE_INPUT] * 2, "linear_onnx", "sizes", axes=[2, 3], coordinate_transformation_mode="half_pixel"
    )
