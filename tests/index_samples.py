"""What the tests of the index put into it: a spec, unit vectors, faces and photos made of nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectorSpec, ModelSpec, Preprocessing
from facesearch.core.types import Face, FileFacts, PhotoResult
from facesearch.storage import Store, catalog, pending_faces, photos
from facesearch.storage.pending_faces import PendingFace, Target

DIM = 8
SPEC = ModelSpec(
    name="made-up",
    network="none",
    dim=DIM,
    preprocessing=Preprocessing((16, 16), ((4, 4), (11, 4), (8, 8), (5, 12), (10, 12)), (0, 0, 0), (1, 1, 1)),
    weights_sha256="0" * 64,
)
OTHER_SPEC = replace(SPEC, name="other", dim=2 * DIM, weights_sha256="1" * 64)


@dataclass(frozen=True)
class NewPhoto:
    """A photo to be stored, and the file that it was read from."""

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    width: int
    height: int
    min_face_px: float
    faces: tuple[Face, ...]
    taken: datetime | None = None

    @property
    def file(self) -> FileFacts:
        return FileFacts(self.path, self.size_bytes, self.mtime_ns)

    @property
    def result(self) -> PhotoResult:
        return PhotoResult(self.sha256, (self.width, self.height), self.min_face_px, self.taken, self.faces)


def unit(seed: int, dim: int = DIM) -> NDArray[np.float32]:
    """A unit vector that depends on a number; those of different numbers are strangers."""
    vector = np.random.default_rng(seed).normal(size=dim)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def near(vector: NDArray[np.float32], distance: float) -> NDArray[np.float32]:
    """A unit vector at about this small distance from another."""
    moved = vector.astype(np.float64) + distance * np.roll(vector, 1) * np.resize([1.0, -1.0], len(vector))
    return (moved / np.linalg.norm(moved)).astype(np.float32)


def a_face(embedding: NDArray[np.float32], x: float = 0.0) -> Face:
    landmarks = np.arange(10, dtype=np.float32).reshape(5, 2) + np.float32(x)
    return Face((x, 1.0, x + 10.0, 11.0), landmarks, 0.99, 1.5, embedding)


def a_photo(path: str, content: str, embeddings: Sequence[NDArray[np.float32]] = ()) -> NewPhoto:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    faces = tuple(a_face(embedding, x) for x, embedding in enumerate(embeddings))
    return NewPhoto(path, len(content), 1_000_000_007, sha256, 640, 480, 20.0, faces)


def put(index: Store, run_id: int, *photos: NewPhoto, redo: bool = False) -> list[int | None]:
    """Store photos in one transaction, as a batch of a run."""
    with index.transaction() as connection:
        return [catalog.put_photo(connection, photo.file, photo.result, run_id, redo=redo) for photo in photos]


def settle(index: Store, *vanished: str) -> tuple[int, int, int]:
    """Files moved, missing and offline."""
    with index.transaction() as connection:
        return catalog.settle(connection, vanished)


def filled(index: Store, count: int, faces: int = 1) -> NDArray[np.float32]:
    """Put photos p0, p1, ... with strangers into an index. Returns their embeddings (count · faces, d), in order."""
    vectors = np.stack([unit(seed) for seed in range(count * faces)])
    run_id = index.start_run("index")
    put(index, run_id, *(a_photo(f"/p/{i}", f"p{i}", vectors[i * faces : (i + 1) * faces]) for i in range(count)))
    return vectors


def face_ids(index: Store) -> list[int]:
    return index.embeddings()[0].tolist()


def faces_of(index: Store, path: str) -> list[int]:
    """The ids of the faces on the photo that a file holds, ascending."""
    with index.reading() as connection:
        photo = photos.at_path(connection, path)
    return [] if photo is None else [face.id for face in index.faces_of_photos([photo])[photo]]


def move(index: Store, spec: ModelSpec, vectors: Mapping[int, NDArray[np.float32]], gone: Sequence[int] = ()) -> None:
    """Move a library to another model, with these embeddings of its faces, and without some photos."""
    target = Target(spec, DetectorSpec("made-up", 1, ()), anew=False)
    stay = [photo for photo in index.photo_sizes() if photo not in gone]
    with index.transaction() as connection:
        for photo, faces in index.faces_of_photos(stay).items():
            kept = [PendingFace(replace(face, embedding=vectors[face.id]), True) for face in faces]
            pending_faces.put(connection, target, photo, 20.0, kept)
    index.adopt(target, gone)
