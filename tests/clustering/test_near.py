"""Pairs of a large clustering: of lists on the CPU, all on a device, in the place of which is PyTorch's CPU."""

import subprocess
import sys

import numpy as np
import pytest
from clustering_samples import CALIBRATION, faces_of, people, same_partition
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from facesearch.clustering import NOISE, Faces, cluster_faces, clusterer, many, near, neighbours
from facesearch.clustering.near import Near, near_of
from facesearch.clustering.near_lists import NearLists
from facesearch.clustering.neighbours import nearest_neighbours
from facesearch.core.distance import l2_matrix
from facesearch.core.errors import InputError

SIZES = [60, 40, 25, 25, 12, 8, 6, 5, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1] * 3


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A device that computes as a GPU does."""
    for module in (near, neighbours):
        monkeypatch.setattr(module, "computes", lambda _: True)
    return "cpu"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every library is a large one."""
    monkeypatch.setattr(clusterer, "ALL_PAIRS", 0)


class Oracle:
    """All pairs, in float64."""

    exact = True

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._distances = l2_matrix(vectors, vectors)

    def nearest(self, k: int) -> NDArray[np.int32]:
        n = len(self._distances)
        found = np.full((n, k), -1, np.int32)
        for row in range(n):
            order = np.lexsort((np.arange(n), self._distances[row]))
            others = order[order != row][:k]
            found[row, : len(others)] = others
        return found

    def within(self, radius: float, labels: NDArray[np.int64]) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        rows, columns = np.nonzero((self._distances <= radius) & (labels[:, None] != labels))
        return [(rows.astype(np.int32), columns.astype(np.int32))]


def in_three_ways(faces: Faces, device: str) -> list[list[int]]:
    """Labels of the device, of all pairs in float64, and of lists."""
    found = [cluster_faces(faces, CALIBRATION, device=device).tolist()]
    for other in (Oracle, NearLists):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(many, "near_of", lambda vectors, _, other=other: other(vectors))
            found.append(cluster_faces(faces, CALIBRATION).tolist())
    return found


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_clusters_are_those_of_exact_neighbours_and_nearly_those_of_lists(seed: int, device: str) -> None:
    embeddings, _ = people(SIZES, seed)
    embeddings[7] = embeddings[3]  # an equal face of the same person, and one of another
    embeddings[400] = embeddings[200]
    on_device, exact, lists = in_three_ways(faces_of(embeddings), device)
    assert on_device == exact
    assert len(set(exact)) > 20
    assert adjusted_rand_score(single(lists), single(on_device)) > 0.995


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("n", [0, 1, 2, 3, 33])
def test_hardly_any_faces(n: int, device: str) -> None:
    assert cluster_faces(faces_of(people([1] * n, 9)[0]), CALIBRATION, device=device).tolist() == [NOISE] * n


@pytest.mark.usefixtures("large")
def test_more_duplicates_than_neighbours_are_looked_for(device: str) -> None:
    embeddings, _ = people([3, 3, 1], 8)
    faces = faces_of(np.repeat(embeddings, [50, 1, 1, 150, 1, 1, 1], axis=0))
    labels = cluster_faces(faces, CALIBRATION, device=device)
    assert labels[52:202].tolist() == [0] * 150
    assert labels[:50].tolist() == [1] * 50


@pytest.mark.parametrize("k", [1, 5, 40])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_neighbours_are_never_the_face_itself(n: int, k: int, device: str) -> None:
    embeddings, _ = people([1] * n, 1)
    found: Near = near_of(embeddings, device)
    np.testing.assert_array_equal(found.nearest(k), Oracle(embeddings).nearest(k))
    assert found.exact


def test_few_faces_are_compared_without_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """All their pairs are looked at faster than a GPU starts, so clusters are the CPU's to the last."""
    monkeypatch.setattr(near, "pick_device", lambda _: pytest.fail("a device was looked for"))
    embeddings, who = people([5, 5], 4)
    assert same_partition(cluster_faces(faces_of(embeddings), CALIBRATION, device="auto"), who)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_lists_serve_devices_that_do_not_compute(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "pick_device", lambda name: name)
    assert isinstance(near_of(people([3], 1)[0], device), NearLists)


@pytest.mark.usefixtures("device")
def test_neighbours_on_a_device_are_those_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, probes = people(SIZES, 1)[0], people([20], 2)[0]
    ids, distances = nearest_neighbours(gallery, probes, 10, device="cpu")
    monkeypatch.setattr(neighbours, "computes", lambda _: False)
    expected, there = nearest_neighbours(gallery, probes, 10)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(distances, there, rtol=1e-12)


def test_what_is_no_embedding_is_refused_on_a_device_too(device: str) -> None:
    with pytest.raises(InputError, match="NaN"):
        nearest_neighbours(np.full((2, 2), np.nan, np.float32), np.zeros((1, 2), np.float32), 1, device=device)
    assert nearest_neighbours(np.zeros((0, 2)), np.zeros((3, 2)), 2, device=device)[0].shape == (3, 0)


def test_without_a_gpu_pytorch_is_not_imported() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from facesearch.core import device; device.DRIVERS = ()\n"
        "from facesearch.clustering.near import near_of\n"
        "print(near_of(np.eye(9, dtype=np.float32), 'auto' if sys.platform == 'linux' else 'cpu').nearest(2).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(9, 2)\n"


def single(labels: list[int]) -> list[int]:
    """Faces in no cluster are each a cluster."""
    return [label if label != NOISE else -1 - row for row, label in enumerate(labels)]
