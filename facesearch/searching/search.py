"""Identification (1:N): a picture's faces against a library; verification (1:1): against another picture."""

import os
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration, no_calibration
from facesearch.core.arguments import as_path
from facesearch.core.distance import l2
from facesearch.core.errors import InputError, LibraryError, ModelError, NoFaceError, PhotoError
from facesearch.core.quality import undecidable
from facesearch.core.results import UNSURE, Match, Probe, QueryResult, Verification
from facesearch.core.types import Face
from facesearch.detection.main_face import prominence
from facesearch.media import LocalFiles, Medium
from facesearch.pipeline.pipeline import Pipeline
from facesearch.searching.identify import NEAREST, Identified, identify
from facesearch.storage import Store, clusters, constraints, faces, persons

__all__ = ["candidates", "compare", "faces_of", "query", "search_face"]

# Nobody is proposed for a face who is it with a smaller probability.
LEAST_LIKELY = 0.01


def query(
    store: Store,
    pipeline: Pipeline,
    calibration: Calibration | None,
    image: str | os.PathLike[str] | Medium,
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
    called = called or _name_of(image)
    found = faces_of(pipeline, image, called)
    if face is not None:
        if not 0 <= face < len(found):
            count = "1 face" if len(found) == 1 else f"{len(found)} faces"
            raise NoFaceError(f"{called} has {count}, counted from 0: there is no face {face}")
        found = [found[face]]
    return QueryResult(
        model=store.spec.name,
        threshold=calibration.threshold() if calibration else None,
        faces=tuple(search_face(store, calibration, one, k) for one in found),
    )


def search_face(store: Store, calibration: Calibration | None, face: Face, k: int) -> Probe:
    """Who a face is, if anybody in the library, and the k faces nearest to it. Args: face: with its embedding."""
    near = store.search(_embedding(face), max(k, NEAREST))
    identified = identify(store, calibration.search, _embedding(face), near) if calibration else None
    answer = identified.answer if identified else None
    if answer and answer.face:
        whole = store.faces([answer.face.id])
        shown = replace(whole[0], cluster=answer.face.cluster, person=answer.face.person) if whole else answer.face
        answer = replace(answer, face=shown)
    matches = _matches(store, calibration, identified, near[:k])
    nearest = answer.face.quality if answer and answer.face else 1.0
    too_poor = undecidable(face.quality, nearest, answer is not None and answer.certain)
    if too_poor:
        answer = replace(answer, decision=UNSURE) if answer and answer.certain else answer
        matches = tuple(replace(match, same_person=match.same_person and False) for match in matches)
    return Probe(face, matches, face.defect if face.weak else "", answer, too_poor)


def candidates(store: Store, calibration: Calibration | None, face: int, k: int) -> tuple[Match, ...]:
    """Who a face of the library may be: clusters that others of it are in, each with its nearest face, likeliest first.

    Left out is whoever the user has rejected for it, who is on the photo already, or who hardly can be. Raises
    InputError where there is no such face.
    """
    found = store.faces([face])
    if not found:
        raise InputError(f"there is no face {face} in the library")
    probe = store.embedding(face)
    near = [(other, distance) for other, distance in store.search(probe, NEAREST + 1) if other != face]
    identified = identify(store, calibration.search, probe, near) if calibration else None
    with store.reading() as connection:
        refused = constraints.rejected_people(connection, face)
        beside = [one.id for one in faces.by_photos(connection, [found[0].photo_id])[found[0].photo_id]]
        there = set(clusters.of_faces(connection, beside).values())
    best: dict[int, Match] = {}
    for match in _matches(store, calibration, identified, near):
        cluster, person = match.face.cluster, match.person
        hardly = match.probability is not None and match.probability < LEAST_LIKELY
        if cluster is not None and cluster not in there and not hardly and not (person and person.id in refused):
            best.setdefault(cluster, match)
    ordered = sorted(best.values(), key=lambda match: (-(match.probability or 0.0), match.distance))
    return tuple(ordered[:k])


def _matches(
    store: Store,
    calibration: Calibration | None,
    identified: Identified | None,
    near: list[tuple[int, float]],
) -> tuple[Match, ...]:
    """Args: identified: None without a calibration."""
    records = {record.id: record for record in store.faces([face for face, _ in near])}
    with store.reading() as connection:
        cluster_of = clusters.of_faces(connection, records)
        people = persons.of_clusters(connection, set(cluster_of.values()))
    matches = []
    near = [(face, distance) for face, distance in near if face in records]  # another process may remove some
    for rank, (face, distance) in enumerate(near, start=1):
        probability = same = None
        if calibration and identified:
            log_odds = identified.log_odds.get(face, -np.inf)  # no person, where the user has said that it is no face
            probability = float(calibration.search.probability(log_odds))
            same = bool(log_odds >= calibration.search.threshold())
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
    one, other = (found[0] for found in faces)
    main = np.stack([_embedding(one), _embedding(other)])
    distance = float(l2(main[:1], main[1:])[0])
    if threshold is None:
        if calibration is None:
            missing = no_calibration(pipeline.embedder.spec, "give --threshold, or")
            raise ModelError(f"the distance is {distance:.3f}, but {missing}")
        threshold = calibration.threshold()
    near = distance <= threshold
    too_poor = undecidable(one.quality, other.quality, near)
    return Verification(
        same_person=near and not too_poor,
        distance=distance,
        threshold=threshold,
        probability=float(calibration.probability(distance)) if calibration and not too_poor else None,
        far=float(calibration.far(threshold)) if calibration else None,
        faces=(len(faces[0]), len(faces[1])),
        quality=(one.quality, other.quality),
        defect=(one.defect, other.defect),
        too_poor=too_poor,
    )


def faces_of(pipeline: Pipeline, image: str | os.PathLike[str] | Medium, called: str | None = None) -> list[Face]:
    """The faces of one picture, the most prominent first. Raises PhotoError (with the path), NoFaceError."""
    called = called or _name_of(image)
    if not isinstance(image, Medium) and not os.path.lexists(as_path(image)):
        raise PhotoError(f"{called} does not exist: give a picture")
    try:
        medium = image if isinstance(image, Medium) else LocalFiles().read(as_path(image))
        (result,) = pipeline.analyse([medium])
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


def _name_of(image: str | os.PathLike[str] | Medium) -> str:
    return image.file.path if isinstance(image, Medium) else as_path(image)


def _embedding(face: Face) -> NDArray[np.float32]:
    assert face.embedding is not None  # a pipeline gives every face one
    return face.embedding
