"""Libraries for benchmarks, filled straight through the schema: as many faces as wanted, without as many photos."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert
from synthetic import synthetic_faces

from facesearch import embedding
from facesearch.media import find_photos
from facesearch.storage import Store, clusters, schema

__all__ = ["add_face", "cluster_by_label", "library_of_faces", "library_of_photos"]

ROWS = 20_000
LANDMARKS = np.zeros(10, "<f4").tobytes()


def library_of_faces(folder: Path, faces: NDArray[np.float32], faces_per_photo: int = 1) -> Store:
    """A library with these embeddings (n, 256), so many on a photo; one that is there is taken as it is.

    Raises SystemExit where that holds another number of faces.
    """
    store = Store.create(folder, embedding.resolve(embedding.DEFAULT_MODEL))
    held = store.counts().faces
    if held not in (0, len(faces)):
        raise SystemExit(f"{folder} holds {held:,} faces, not {len(faces):,}: name another folder")
    if not held:
        run = store.start_run("index")
        photos = range(-(-len(faces) // faces_per_photo))
        _insert(store, schema.photos, (_photo(i, run) for i in photos))
        _insert(store, schema.paths, (_path(i, f"/photos/{i // 1000}/{i}.jpg", 1, 1) for i in photos))
        _insert(store, schema.faces, (_face(i // faces_per_photo + 1, vector) for i, vector in enumerate(faces)))
    return store


def library_of_photos(folder: Path, photos: Path, count: int) -> Store:
    """So many tiny files, a thousand a folder, and a library that has them indexed; what is there is taken as it is."""
    for i in range(count):
        if i % 1000 == 0:
            (photos / f"{i // 1000:03}").mkdir(parents=True, exist_ok=True)
        path = photos / f"{i // 1000:03}" / f"IMG_{i:06}.jpg"
        if not path.exists():
            path.write_bytes(b"%07d" % i)  # never decoded
    store = Store.create(folder, embedding.resolve(embedding.DEFAULT_MODEL))
    if not store.counts().files:
        run = store.start_run("index", [os.path.abspath(photos)])
        found = find_photos(photos).photos
        _insert(store, schema.photos, (_photo(i, run) for i in range(count)))
        _insert(store, schema.paths, (_path(i, f.path, f.size_bytes, f.mtime_ns) for i, f in enumerate(found)))
        faces, _ = synthetic_faces(count)
        _insert(store, schema.faces, (_face(i + 1, vector) for i, vector in enumerate(faces)))
    return store


def add_face(store: Store, embedding: NDArray[np.float32]) -> None:
    """One more face (256,) on the first photo."""
    _insert(store, schema.faces, iter([_face(1, embedding)]))


def cluster_by_label(store: Store, labels: NDArray[np.int64], named: int) -> None:
    """Put the faces of such a library into clusters, those of each label with two or more; what is there is kept.

    Args:
        labels: (n,) whose each face is.
        named: so many of the clusters, every other one from the largest, get a name; every tenth of these is ignored.
    """
    if store.counts().groups:
        return
    people, sizes = np.unique(labels, return_counts=True)
    ordered = [int(person) for person in people[np.argsort(-sizes, kind="stable")] if sizes[people == person][0] > 1]
    cluster_of = {person: cluster for cluster, person in enumerate(ordered, start=1)}
    faces = [
        (face, cluster_of[int(person)]) for face, person in enumerate(labels, start=1) if int(person) in cluster_of
    ]
    _insert(store, schema.clustered, ({"face_id": face, "cluster_id": cluster} for face, cluster in faces))
    whose = set(range(1, 2 * named, 2))
    _insert(store, schema.people, (_person(cluster) for cluster in sorted(whose)))
    _insert(store, schema.confirmed, ({"face_id": f, "person_id": c} for f, c in faces if c in whose))
    with store.transaction() as connection:
        clusters.note_clustering(connection)
        connection.execute(insert(schema.library), [{"key": "last_cluster", "value": str(len(ordered))}])


def _person(cluster: int) -> dict[str, Any]:
    return {"id": cluster, "name": f"Person {cluster:04}", "ignored": cluster % 20 == 1, "created_at": 0.0}


def _insert(store: Store, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    with store.transaction() as connection:
        while some := list(islice(rows, ROWS)):
            connection.execute(insert(table), some)


def _photo(number: int, run: int) -> dict[str, Any]:
    seen = {"sha256": f"{number:064x}", "width": 640, "height": 480, "min_face_px": 20.0, "run_id": run}
    return {**seen, "taken_at": 1.4e9 + 3600.0 * number, "dated_by": "exif"}  # one an hour


def _path(number: int, path: str, size_bytes: int, mtime_ns: int) -> dict[str, Any]:
    return {"path": path, "photo_id": number + 1, "size_bytes": size_bytes, "mtime_ns": mtime_ns}


def _face(photo: int, embedding: NDArray[np.float32]) -> dict[str, Any]:
    box = {"x1": 1.0, "y1": 1.0, "x2": 50.0, "y2": 50.0}
    seen = {"landmarks": LANDMARKS, "score": 0.99, "sharpness": 1.5, "quality": 0.9, "defect": ""}
    return {"photo_id": photo, **box, **seen, "embedding": embedding.astype("<f4").tobytes()}
