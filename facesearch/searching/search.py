"""Identification (1:N): a picture's faces against a library; verification (1:1): against another picture."""

import os
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration, no_calibration
from facesearch.core.arguments import as_path
from facesearch.core.distance import l2
from facesearch.core.errors import InputError, LibraryError, ModelError, NoFaceError, PhotoError
from facesearch.core.results import Match, Probe, QueryResult, Verification
from facesearch.core.types import Face
from facesearch.media import LocalFiles
from facesearch.pipeline.main_face import prominence
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store, clusters, persons

__all__ = ["compare", "faces_of", "query"]


def query(
    store: Store,
    pipeline: Pipeline,
    calibration: Calibration | None,
    image: str | os.PathLike[str],
    k: int,
    face: int | None = None,
    called: str | None = None,
) -> QueryResult:
    """The k faces of the library nearest to each face of a picture, or to one of them.

    Args:
        face: only this face of the picture, counted from 0, the most prominent first.
        called: what errors call the picture; None for its path.

    Raises:
        InputError: k is not positive.
        LibraryError: the library is empty.
        PhotoError: the picture cannot be read.
        NoFaceError: there is no face in it, or not so many.
    """
    if k < 1:
        raise InputError(f"the number of matches must be at least 1, not {k} (-k)")
    if not len(store.vectors):
        raise LibraryError(f"the library {store.folder} holds no faces yet: fill it with `facesearch index FOLDER`")
    called = called or as_path(image)
    found = faces_of(pipeline, image, called)
    if face is not None:
        if not 0 <= face < len(found):
            count = "1 face" if len(found) == 1 else f"{len(found)} faces"
            raise NoFaceError(f"{called} has {count}, counted from 0: there is no face {face}")
        found = [found[face]]
    return QueryResult(
        model=store.spec.name,
        threshold=calibration.threshold() if calibration else None,
        faces=tuple(
            Probe(
                one,
                _matches(store, calibration, store.search(_embedding(one), k)),
                one.defect if one.weak else "",
            )
            for one in found
        ),
    )


def _matches(store: Store, calibration: Calibration | None, near: list[tuple[int, float]]) -> tuple[Match, ...]:
    records = {record.id: record for record in store.faces([face for face, _ in near])}
    with store.reading() as connection:
        cluster_of = clusters.of_faces(connection, records)
        people = persons.of_clusters(connection, set(cluster_of.values()))
    matches = []
    near = [(face, distance) for face, distance in near if face in records]  # another process may remove some
    for rank, (face, distance) in enumerate(near, start=1):
        probability = float(calibration.probability(distance)) if calibration else None
        same = distance <= calibration.threshold() if calibration else None
        cluster = cluster_of.get(face)
        found = replace(records[face], cluster=cluster, person=people.get(cluster) if cluster is not None else None)
        matches.append(Match(rank, found, distance, probability, same))
    return tuple(matches)


def compare(
    pipeline: Pipeline,
    calibration: Calibration | None,
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    threshold: float | None = None,
) -> Verification:
    """Whether the main faces of two pictures are the same person.

    Args:
        threshold: the largest distance of one person; None for the calibration's, at a false-accept rate of 1e-3.

    Raises:
        PhotoError, NoFaceError: one of the pictures cannot be used.
        ModelError: the model has no calibration, and no threshold is given.
    """
    faces = [faces_of(pipeline, image) for image in (as_path(a), as_path(b))]
    main = np.stack([_embedding(found[0]) for found in faces])
    distance = float(l2(main[:1], main[1:])[0])
    if threshold is None:
        if calibration is None:
            missing = no_calibration(pipeline.embedder.spec, "give --threshold, or")
            raise ModelError(f"the distance is {distance:.3f}, but {missing}")
        threshold = calibration.threshold()
    return Verification(
        same_person=distance <= threshold,
        distance=distance,
        threshold=threshold,
        probability=float(calibration.probability(distance)) if calibration else None,
        far=float(calibration.far(threshold)) if calibration else None,
        faces=(len(faces[0]), len(faces[1])),
    )


def faces_of(pipeline: Pipeline, image: str | os.PathLike[str], called: str | None = None) -> list[Face]:
    """The faces of one picture, the most prominent first. Raises PhotoError (with the path), NoFaceError."""
    image = as_path(image)
    called = called or image
    if not os.path.lexists(image):
        raise PhotoError(f"{called} does not exist: give a picture")
    try:
        (result,) = pipeline.analyse([LocalFiles().read(image)])
    except PhotoError as error:
        raise PhotoError(f"{called}: {error}") from error
    if result.reason:
        raise PhotoError(f"{called}: {result.reason}")
    if not result.faces:
        raise NoFaceError(
            f"no face was found in {called}: use a picture in which a face is upright and at least"
            f" {result.min_face_px:.0f} pixels wide"
        )
    return sorted(result.faces, key=lambda face: -prominence(face, result.size))


def _embedding(face: Face) -> NDArray[np.float32]:
    assert face.embedding is not None  # a pipeline gives every face one
    return face.embedding
