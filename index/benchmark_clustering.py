"""How long `facesearch cluster` takes on many faces, against scikit-learn's DBSCAN, and whether clusters are the same.

    python index/benchmark_clustering.py --faces 1000000 --dbscan 50000 --dbscan 100000 --out clustering.json

Faces are those of `synthetic.py`, put straight into a library's tables; what is timed is `Library.cluster()` on it,
with all that it reads and writes, in a process of its own. DBSCAN's time at other sizes is extrapolated by n².
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sqlalchemy import insert
from synthetic import synthetic_faces

from facesearch import Library
from facesearch.calibration import load_calibration
from facesearch.clustering import Faces, cluster_faces, clusterer
from facesearch.embedding import DEFAULT_MODEL, resolve
from facesearch.people.clustering import place_new
from facesearch.storage import Store
from facesearch.storage import schema as db

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Result = dict[str, Any]

# The eps with which DBSCAN does best on LFW with these distances.
DBSCAN_EPS = 0.54
# Faces that come after the clustering, clusters that are persons by then, and faces of the comparison with all pairs.
NEW, KNOWN, COMPARED = 1_000, 1_000, 50_000
ROWS = 10_000
# A face of 200 pixels that looks straight at us.
BOX = (100.0, 100.0, 300.0, 300.0)
LANDMARKS = np.array([(160, 170), (240, 170), (200, 210), (170, 250), (230, 250)], "<f4").tobytes()


def main(
    faces: Annotated[list[int], typer.Option(help="Sizes of the libraries that are clustered.")] = [1_000_000],  # noqa: B006
    dbscan: Annotated[list[int], typer.Option(help="Sizes at which DBSCAN is run.")] = [50_000, 100_000],  # noqa: B006
    compared: Annotated[int, typer.Option(help="Faces on which both ways are run, for the ARI.")] = COMPARED,
    repeats: Annotated[int, typer.Option(help="Each time is the median of so many.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the result as JSON to this file, too.")] = None,
) -> None:
    """Time and peak memory of clustering, clusters against those of all pairs, and new faces put to known people."""
    peer = [_told(alone(time_dbscan, count, repeats)) for count in dbscan]
    ours = [_told(alone(time_ours, count, repeats) | _against(peer, count)) for count in faces]
    for result in ours:
        if "dbscan_extrapolated_seconds" in result:
            result["ratio"] = round(result["dbscan_extrapolated_seconds"] / result["seconds"], 1)
    same = [_told(alone(compare, count, compared)) for count in (max(faces), compared)]
    text = json.dumps({"cluster": ours, "dbscan": peer, "same_groups": same}, indent=2)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


def alone(function: Callable[..., Result], *arguments: Any) -> Result:
    """Run in a fresh process, whose peak memory is then the function's own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def time_dbscan(count: int, repeats: int) -> Result:
    """scikit-learn's DBSCAN on that many faces, with its own choice of algorithm, on all cores."""
    from sklearn.cluster import DBSCAN

    embeddings, _ = synthetic_faces(count)
    seconds = _median(lambda: DBSCAN(eps=DBSCAN_EPS, min_samples=2, n_jobs=-1).fit(embeddings), repeats)
    return {"what": "DBSCAN", "faces": count, "seconds": seconds, "peak_mb": _peak_mb()}


def time_ours(count: int, repeats: int) -> Result:
    """A library of that many faces, clustered; then new faces of the same people, put to those who are known."""
    with tempfile.TemporaryDirectory() as folder:
        people = alone(fill, folder, count + NEW, 0, count)["people"]
        clustered = alone(cluster, folder, repeats)
        alone(know, folder, count + NEW, count)
        placed = alone(place, folder)
    score = _score(np.array(people)[:count], np.array(clustered.pop("labels")))
    return {"what": "cluster", "faces": count} | clustered | score | placed


def fill(folder: str, total: int, start: int, stop: int) -> Result:
    """Put some of the made-up faces into a library, each on a photo of its own."""
    embeddings, people = synthetic_faces(total)
    with Library(folder) as library:
        run = library.store.start_run("index")
        for first in range(start, stop, ROWS):
            _put(library.store, run, first, embeddings[first : min(first + ROWS, stop)])
        library.store.finish_run(run, "{}")
    return {"people": people, "run": run}


def cluster(folder: str, repeats: int) -> Result:
    """Returns seconds, peak_mb and labels, (n,) int64 in the order of the faces, -1 for none."""
    with Library(folder) as library:
        seconds = _median(library.cluster, repeats)
        peak = _peak_mb()
        with library.store.reading() as connection:
            rows = np.array(connection.execute(db.clustered.select()).all(), np.int64)
            faces = connection.execute(db.faces.select().with_only_columns(db.faces.c.id)).scalars().all()
    labels = np.full(len(faces), -1, np.int64)
    labels[np.searchsorted(np.sort(faces), rows[:, 0])] = rows[:, 1]
    return {"seconds": seconds, "peak_mb": peak, "labels": labels}


def know(folder: str, total: int, start: int) -> Result:
    """One face of each of the largest clusters is confirmed, and then new faces come."""
    with Library(folder) as library:
        clusters = [cluster for cluster in library.people.with_faces() if len(cluster.face_ids) > 1][:KNOWN]
        with library.store.transaction() as connection:
            people = [
                {"id": i, "name": f"p{i}", "ignored": False, "created_at": 0.0} for i in range(1, len(clusters) + 1)
            ]
            connection.execute(insert(db.people), people)
            first = [{"face_id": cluster.face_ids[0], "person_id": i} for i, cluster in enumerate(clusters, 1)]
            connection.execute(insert(db.confirmed), first)
    return {"run": fill(folder, total, start, total)["run"]}


def place(folder: str) -> Result:
    """The last run's faces, put to the people who are known."""
    with Library(folder) as library:
        calibration = library.calibration
        assert calibration is not None
        began = time.perf_counter()
        placed = place_new(library.store, calibration)
        seconds = round(time.perf_counter() - began, 2)
    return {"new_faces": NEW, "placed": placed, "place_seconds": seconds, "place_peak_mb": _peak_mb()}


def compare(total: int, count: int) -> Result:
    """The first so many of all faces, clustered by all pairs and by the way of large libraries."""
    from sklearn.metrics import adjusted_rand_score

    embeddings, people = (column[:count] for column in synthetic_faces(total))
    calibration = load_calibration(resolve(DEFAULT_MODEL))
    faces = Faces(embeddings, np.arange(len(embeddings)), np.zeros(len(embeddings)))
    labels, result = [], {"what": "all pairs and not", "of": total, "faces": len(faces)}
    for name, limit in (("all_pairs", len(faces)), ("candidates", 0)):
        began = time.perf_counter()
        with all_pairs_up_to(limit):
            labels.append(_single(cluster_faces(faces, calibration)))
        result[f"{name}_seconds"] = round(time.perf_counter() - began, 1)
        result[f"{name}_bcubed_f"] = _score(people, labels[-1])["bcubed_f"]
    return result | {"ari": round(float(adjusted_rand_score(*labels)), 4)}


@contextmanager
def all_pairs_up_to(faces: int) -> Iterator[None]:
    before, clusterer.ALL_PAIRS = clusterer.ALL_PAIRS, faces
    try:
        yield
    finally:
        clusterer.ALL_PAIRS = before


def _put(store: Store, run: int, first: int, embeddings: Floats) -> None:
    """Photos, their files and faces, as `catalog.put_photo` writes them, but many at a time."""
    x1, y1, x2, y2 = BOX
    face = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "landmarks": LANDMARKS, "score": 0.9999, "sharpness": 0.1}
    photo = {"width": 400, "height": 400, "min_face_px": 20.0, "run_id": run}
    numbers = range(first + 1, first + 1 + len(embeddings))
    with store.transaction() as connection:
        connection.execute(insert(db.photos), [photo | {"id": i, "sha256": f"{i:064x}"} for i in numbers])
        file = {"size_bytes": 1, "mtime_ns": 1}
        connection.execute(insert(db.paths), [file | {"path": f"/photos/{i:08}.jpg", "photo_id": i} for i in numbers])
        vectors = (vector.astype("<f4").tobytes() for vector in embeddings)
        rows = [
            face | {"id": i, "photo_id": i, "embedding": vector} for i, vector in zip(numbers, vectors, strict=True)
        ]
        connection.execute(insert(db.faces), rows)


def _score(people: Ints, labels: Ints) -> Result:
    from facesearch.evaluation import bcubed_scores, pairwise_scores

    alone = _single(labels)
    return {
        "bcubed_f": round(bcubed_scores(people, alone).f, 4),
        "pairwise_f": round(pairwise_scores(people, alone).f, 4),
    }


def _single(labels: Ints) -> Ints:
    """Faces in no cluster are each a cluster."""
    return np.where(labels < 0, -1 - np.arange(len(labels)), labels)


def _against(peer: list[Result], count: int) -> Result:
    if not peer:
        return {}
    largest = max(peer, key=lambda result: result["faces"])
    return {"dbscan_extrapolated_seconds": round(largest["seconds"] * (count / largest["faces"]) ** 2, 1)}


def _median(function: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return round(float(np.median(seconds)), 1)


def _peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)


def _told(result: Result) -> Result:
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    typer.run(main)
