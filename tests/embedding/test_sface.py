"""SFace beside OpenCV's own reading of the same file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.errors import WeightsError
from facesearch.embedding import Embedder, load_embedder, resolve
from facesearch.embedding.registry import BUILT_IN
from facesearch.embedding.sface import read_sface
from facesearch.pipeline.alignment import align


@pytest.fixture(scope="module")
def oracle() -> cv2.dnn.Net:
    """What is inside cv2.FaceRecognizerSF, which cannot be told to take the engine that reads such files."""
    return cv2.dnn.readNetFromONNX(str(published()), engine=cv2.dnn.ENGINE_CLASSIC)


@pytest.fixture(scope="module")
def sface() -> Embedder:
    return load_embedder(resolve("sface", "float32"), "cpu")


def published() -> Path:
    path = BUILT_IN["sface"].weights.path
    assert path is not None
    return path


def features(oracle: cv2.dnn.Net, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """(n, 128) of unit norm, crop by crop, as FaceRecognizerSF.feature makes them from BGR."""
    found = []
    for crop in crops:
        oracle.setInput(cv2.dnn.blobFromImage(np.ascontiguousarray(crop[..., ::-1]), 1, (112, 112), swapRB=True))
        found.append(oracle.forward()[0])
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.mark.parametrize("kind", ["faces", "noise"])
def test_agrees_with_opencv_on_the_same_crops(
    oracle: cv2.dnn.Net, sface: Embedder, astronaut: NDArray[np.uint8], kind: str
) -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), np.uint8))
    face = np.asarray(Image.fromarray(astronaut).crop((160, 50, 290, 180)).resize((112, 112)))
    crops = [face, np.ascontiguousarray(face[:, ::-1])] if kind == "faces" else noise
    cosines = (sface.embed(crops) * features(oracle, crops)).sum(axis=1)
    assert cosines.min() > 0.9999


@pytest.mark.data
def test_agrees_with_opencv_through_our_alignment(oracle: cv2.dnn.Net, sface: Embedder, data: Path) -> None:
    yunet = published().with_name("face_detection_yunet_2023mar_int8bq.onnx")
    cropper = cv2.FaceRecognizerSF.create(str(published()), "")
    detector = cv2.FaceDetectorYN.create(str(yunet), "", (250, 250))
    crops, theirs = [], []
    for path in sorted((data / "lfw").glob("A*/*_0001.jpg"))[:40]:
        bgr = cv2.imread(str(path))
        _, faces = detector.detect(bgr)
        landmarks = faces[0, 4:14].reshape(5, 2) + 0.5  # of pixels' centres -> of their edges
        crops.append(align(np.ascontiguousarray(bgr[..., ::-1]), landmarks, sface.spec.preprocessing))
        theirs.append(cropper.alignCrop(bgr, faces[0])[..., ::-1])
    cosines = (sface.embed(crops) * features(oracle, theirs)).sum(axis=1)
    assert len(cosines) == 40
    assert np.median(cosines) > 0.995
    assert cosines.min() > 0.98


def test_another_network_in_an_onnx_file(tmp_path: Path) -> None:
    from embedding_samples import write_model

    from facesearch.core.weights import sha256_of

    path = write_model(tmp_path / "tiny.onnx")
    with pytest.raises(WeightsError, match="does not hold SFace"):
        read_sface(path, sha256_of(path))
