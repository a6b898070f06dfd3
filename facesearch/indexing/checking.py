"""Whether a library is whole, and what of a damaged one can be made again from its photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.calibration.files import damage_of as damage_of_calibration
from facesearch.core.errors import PhotoError
from facesearch.core.matching import match
from facesearch.core.types import Face
from facesearch.media import LocalFiles, Medium
from facesearch.storage import Store, damaged_faces
from facesearch.storage.checking import Damage, damage_in
from facesearch.storage.damaged_faces import DamagedPhoto, KnownFace
from facesearch.storage.lock import WriterLock
from facesearch.storage.repairing import SetAside, repair_files, repair_rows

if TYPE_CHECKING:
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["Repaired", "check", "repair"]

# Tables whose rows can be made again.
PHOTOS = ("faces", "photos")
# A face is the same as before where its embedding is as near; strangers never are.
SAME_FACE = 0.25


@dataclass(frozen=True)
class Repaired:
    """found: what was wrong. left: what still is. rebuilt: faces and photos that were made again from the photos.

    aside: the folder with what was taken out; None where nothing was. lost_rows: pages could not be read.
    """

    found: tuple[Damage, ...]
    left: tuple[Damage, ...]
    rebuilt: int
    aside: Path | None
    lost_rows: bool


def check(folder: Path) -> list[Damage]:
    """Everything that is wrong with a library; see `facesearch.storage.checking.damage_in`."""
    return damage_in(folder) + [Damage(name, what) for name, what in damage_of_calibration(folder)]


def repair(folder: Path, load_pipeline: "Callable[[Store], Pipeline]") -> Repaired:
    """Make again from the photos what can be, and set the rest aside with a list.

    Args:
        load_pipeline: gives the pipeline of a library; called only if a face or photo has to be looked at.

    Raises LibraryError where the library cannot be opened or written, ModelError where its model is not there.
    """
    found = check(folder)
    if not found:
        return Repaired((), (), 0, None, lost_rows=False)
    aside = SetAside(folder)
    rebuilt = 0
    with WriterLock(folder).held():
        lost_rows = repair_files(folder, aside)
        for name, _ in damage_of_calibration(folder):
            aside.file(folder / name)
        repair_rows(folder, aside, but=PHOTOS)
    if any(one.table in PHOTOS for one in damage_in(folder)):
        rebuilt = _rebuilt(folder, load_pipeline)
        with WriterLock(folder).held():
            repair_rows(folder, aside)
    return Repaired(tuple(found), tuple(check(folder)), rebuilt, aside.folder if aside.used else None, lost_rows)


def _rebuilt(folder: Path, load_pipeline: "Callable[[Store], Pipeline]") -> int:
    """How many rows of photos and faces are right again."""
    store = Store.open(folder)
    try:
        with store.reading() as connection:
            photos = damaged_faces.damaged(connection, store.spec.dim)
        read = [(photo, medium) for photo in photos if (medium := _medium(photo)) is not None]
        if not read:
            return 0
        pipeline, count = load_pipeline(store), 0
        for photo, medium in read:
            result = pipeline.analyse([medium])[0]
            if not result.reason:
                same = _same(photo.faces, result.faces)
                with store.transaction() as connection:
                    count += damaged_faces.put_right(connection, photo, medium.file, result, same)
        return count
    finally:
        store.close()


def _medium(photo: DamagedPhoto) -> Medium | None:
    """A file that holds a photo; where nobody knows its content any more, the first one."""
    for path in photo.paths:
        try:
            medium = LocalFiles().read(path)
        except PhotoError:
            continue
        if photo.sha256 is None or medium.sha256 == photo.sha256:
            return medium
    return None


def _same(old: Sequence[KnownFace], new: Sequence[Face]) -> dict[int, Face]:
    """For damaged faces what they are now, by their ids: by place, else by embedding, else as the only one left."""
    placed = [face for face in old if face.place is not None]
    found = match([face.place for face in placed if face.place is not None], new)
    pairs = {placed[row].id: new[at] for at, row in found.items()}
    left = [face for at, face in enumerate(new) if at not in found]
    for face in old:
        near = [one for one in left if face.id not in pairs and face.near(one, SAME_FACE)]
        if len(near) == 1:
            pairs[face.id] = near[0]
            left = [one for one in left if one is not near[0]]
    lost = [face for face in old if face.id not in pairs]
    if len(lost) == len(left) == 1:
        pairs[lost[0].id] = left[0]
    damaged = {face.id for face in old if face.damaged}
    return {face: replace(one, id=face) for face, one in pairs.items() if face in damaged}
