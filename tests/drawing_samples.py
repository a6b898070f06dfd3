"""Photos with a face that was not found, to draw it there."""

from pathlib import Path

from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Box, Face
from facesearch.library import Library
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import Pipeline

__all__ = ["HUGE_PX", "as_found", "for_faces_from", "put_unseen", "wider"]

# No face of this size is on any of the photos: whoever asks for it finds nobody.
HUGE_PX = 2000


def for_faces_from(pipeline: Pipeline, px: int | None) -> Pipeline:
    """One that looks for faces from so many pixels on."""
    return Pipeline(pipeline.embedder, pipeline.detector, None, DetectionConfig(min_face_px=px))


def as_found(pipeline: Pipeline, path: Path) -> Face:
    """The face on a photo as the detector finds it."""
    (result,) = pipeline.analyse([LocalFiles().read(str(path))])
    return max(result.faces, key=lambda face: face.score)


def put_unseen(library: Library, pipeline: Pipeline, path: Path) -> tuple[int, Box]:
    """Index a photo without finding the face on it; the photo's id, and where the face is."""
    library.__dict__["pipeline"] = for_faces_from(pipeline, HUGE_PX)
    library.index(path)
    photo = library.store.known_paths()[str(path)].photo_id
    assert library.store.faces_of_photos([photo])[photo] == []
    library.__dict__["pipeline"] = pipeline
    return photo, as_found(pipeline, path).box


def wider(box: Box, by: float = 12.0) -> Box:
    return (box[0] - by, box[1] - by, box[2] + by, box[3] + by)
