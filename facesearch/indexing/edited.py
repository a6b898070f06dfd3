"""Faces that were drawn on a photo, after the photo was edited: looked for where they were, as seen in the edit."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from facesearch.core.distance import l2_matrix
from facesearch.core.errors import PhotoError
from facesearch.core.types import Box, Face
from facesearch.indexing.looking_again import read_intact
from facesearch.media import MediaSource
from facesearch.pipeline.drawn import faces_in_boxes
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
from facesearch.storage.catalog import SAME_FACE_AFTER_EDIT
from facesearch.storage.drawn_faces import Edited, edited

__all__ = ["drawn_on_edited"]

# Sides of a photo and of its edit, turned or not, that may differ by so much and still show the same part of it.
SAME_SHAPE = 0.01


def drawn_on_edited(
    store: Store, load_pipeline: Callable[[], Pipeline], source: MediaSource
) -> dict[tuple[int, int], list[Face]]:
    """By photos before and after an edit, the faces drawn on them as they are in the edit, under their ids.

    A face is there where the edit shows nearly the same in its place: of a photo that was brightened, scaled or turned
    it is, of one that was cropped or of another picture in its place it is not.
    """
    with store.reading() as connection:
        photos = edited(connection, store.spec.dim)
    return {(photo.before, photo.after): list(_kept(load_pipeline(), source, photo)) for photo in photos}


def _kept(pipeline: Pipeline, source: MediaSource, photo: Edited) -> Iterator[Face]:
    medium = read_intact(source, [(photo.path, photo.sha256)])
    if medium is None:
        return
    for face, before in zip(photo.drawn, photo.embeddings, strict=True):
        try:
            seen = faces_in_boxes(pipeline, medium, list(_places(face.box, *photo.sizes)))
        except PhotoError:
            return
        if seen:
            vectors = np.stack([one.embedding for one in seen if one.embedding is not None])
            apart = l2_matrix(vectors, before[None])[:, 0]
            if apart.min() <= SAME_FACE_AFTER_EDIT:
                yield replace(seen[int(apart.argmin())], id=face.id)


def _places(box: Box, before: tuple[int, int], after: tuple[int, int]) -> Iterator[Box]:
    """Where a box may lie in an edit: where it was, and, where the sides fit, after each turn by a quarter."""
    width, height = before
    x1, x2 = box[0] / width, box[2] / width
    y1, y2 = box[1] / height, box[3] / height
    turns = ((x1, y1, x2, y2), (1 - y2, x1, 1 - y1, x2), (1 - x2, 1 - y2, 1 - x1, 1 - y1), (y1, 1 - x2, y2, 1 - x1))
    for quarters, (left, top, right, bottom) in enumerate(turns):
        sides = (width, height) if quarters % 2 == 0 else (height, width)
        if abs(sides[0] / sides[1] / (after[0] / after[1]) - 1) <= SAME_SHAPE:
            yield (left * after[0], top * after[1], right * after[0], bottom * after[1])
