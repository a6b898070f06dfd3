"""What a library holds, in a form that two libraries can be compared by; and what holds for every library."""

import hashlib
from pathlib import Path

import numpy as np
from index_samples import faces_of

from facesearch.core.types import Face
from facesearch.storage import Store, catalog

__all__ = ["all_faces", "check_vectors", "faces_by_content", "faces_of_path", "files", "hash_of"]


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def all_faces(index: Store) -> list[Face]:
    """All faces, in the order of their ids."""
    return index.faces(index.embeddings()[0].tolist())


def contents(index: Store) -> dict[int, str]:
    """Photo id -> content hash; no photo is without a file."""
    return {photo: index.files_of(photo)[0][1] for photo in index.photo_sizes()}


def files(index: Store) -> dict[str, str]:
    """Path -> content hash, of the files that are not missing."""
    sha256 = contents(index)
    return {path: sha256[known.photo_id] for path, known in index.known_paths().items() if not known.missing}


def faces_by_content(index: Store) -> dict[str, list[tuple[bytes, bytes, tuple[float, ...]]]]:
    """Content hash -> embedding, landmarks and box of each face; of all photos, also those without a face."""
    ids, vectors = index.embeddings()
    embeddings = dict(zip(ids.tolist(), vectors, strict=True))
    sha256 = contents(index)
    return {
        sha256[photo]: sorted((embeddings[face.id].tobytes(), face.landmarks.tobytes(), face.box) for face in faces)
        for photo, faces in index.faces_of_photos(list(sha256)).items()
    }


def faces_of_path(index: Store, path: Path) -> list[int]:
    """The ids of the faces of the photo that a file holds."""
    return faces_of(index, str(path))


def check_vectors(index: Store) -> None:
    """The vector index holds what the store holds, no photo is without a file, and nothing waits to be settled."""
    ids, embeddings = index.embeddings()
    vectors = index.vectors
    assert sorted(vectors.ids().tolist()) == ids.tolist()
    np.testing.assert_array_equal(vectors.vectors(ids), embeddings)
    held = {known.photo_id for known in index.known_paths().values()}
    assert held == set(index.photo_sizes()), "a photo without a file"
    assert {face.photo_id for face in index.faces(ids.tolist())} <= held
    with index.reading() as connection:
        assert catalog.unsettled(connection) == []
