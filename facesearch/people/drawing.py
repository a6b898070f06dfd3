"""Faces that the user draws on a photo, and boxes that they move: embedded at once, in one decision of the undo log."""

from dataclasses import replace
from typing import NamedTuple

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.matching import match
from facesearch.core.types import Box, Face
from facesearch.media import LocalFiles, Medium
from facesearch.people.clusters import check_face
from facesearch.people.decisions import assigned
from facesearch.pipeline.drawn import LEAST_SIDE_PX, faces_in_boxes, inside
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Connection, Store, faces
from facesearch.storage.queries import is_id
from facesearch.storage.undo_log import Decision, UndoLog

__all__ = ["Drawn", "draw", "move"]


class Drawn(NamedTuple):
    """A face that was drawn or moved, and the decision; None where its box was there already."""

    face: int
    decision: Decision | None


def draw(store: Store, pipeline: Pipeline, photo: int, box: Box, name: str | None = None) -> Drawn:
    """Put a face on a photo where the user has drawn its box. Args: name: whose it is; as for `decisions.assign`.

    Raises:
        InputError: there is no such photo, the box is not on it, or there is a face already; or name is none.
        PhotoError: no file that holds the photo can be read.
    """
    seen = _seen(store, pipeline, photo, box)
    with store.transaction() as connection:
        _check_free(connection, photo, seen)
        log = UndoLog(connection)
        face = log.put_face(seen)
        whose = f", {assigned(connection, log, [face], name)}" if name else ""
        decision = log.close("draw", f"face {face} drawn{whose}")
    return Drawn(face, decision)


def move(store: Store, pipeline: Pipeline, face: int, box: Box) -> Drawn:
    """Put the box of a face elsewhere on its photo; whose it is stays. Raises as `draw`, and for no such face."""
    with store.reading() as connection:
        check_face(connection, face)
        (before,) = faces.by_ids(connection, [face])
    seen = replace(_seen(store, pipeline, before.photo_id, box), id=face)
    if before.drawn and before.box == seen.box:
        return Drawn(face, None)
    with store.transaction() as connection:
        check_face(connection, face)
        _check_free(connection, before.photo_id, seen)
        log = UndoLog(connection)
        log.put_face(seen)
        decision = log.close("move", f"face {face} moved")
    return Drawn(face, decision)


def _seen(store: Store, pipeline: Pipeline, photo: int, box: Box) -> Face:
    """The face in a box, with its embedding."""
    files = store.files_of(photo) if is_id(photo) else []
    if not files:
        raise InputError(f"there is no photo {photo} in the library")
    width, height = store.photo_size(photo)
    there = inside(box, (width, height))
    if there is None:
        raise InputError(
            f"the box {', '.join(f'{value:g}' for value in box)} has not {LEAST_SIDE_PX} pixels a side on the photo of"
            f" {width} × {height} pixels: draw it around the face"
        )
    (face,) = faces_in_boxes(pipeline, _medium(files), [there])
    return replace(face, photo_id=photo)


def _medium(files: list[tuple[str, str]]) -> Medium:
    """The first of a photo's files that holds it. Args: files: (path, sha256), those that are there first."""
    reasons = []
    for path, sha256 in files:
        try:
            medium = LocalFiles().read(path)
        except PhotoError as error:
            reasons.append(f"{path}: {error}")
            continue
        if medium.sha256 == sha256:
            return medium
        reasons.append(f"{path} has changed since it was indexed: index it again")
    raise PhotoError(reasons[0])


def _check_free(connection: Connection, photo: int, seen: Face) -> None:
    """Raises InputError where a box shows a face that the photo has already."""
    others = [face for face in faces.by_photos(connection, [photo])[photo] if face.id != seen.id]
    if same := match(others, [seen]):
        known = others[same[0]]
        raise InputError(f"there is face {known.id} already: say whose it is, or move its box")
